import type { IDisposable } from '@lumino/disposable';
import { Poll } from '@lumino/polling';

import type { IEventSocket, OpenEventSocket } from '../events';
import type { ServerEvent } from '../types';
import { Attention, type IPage } from './attention';

const CALM_MS = 3000;
const BUSY_MS = 700;
const MAX_MS = 15_000;
const BACKOFF = 1.6;
/** Where a proxy lets no WebSocket through, it is tried again after this time. */
const SOCKET_RETRY_MS = 60_000;

export interface IConnectionOptions {
  openSocket: OpenEventSocket;
  /** Ask the server for everything; a rejection means that it did not answer. */
  ask: () => Promise<void>;
  onEvent: (event: ServerEvent) => void;
  /** Whether events come now. */
  onLive: (isLive: boolean) => void;
  page?: IPage | undefined;
}

/**
 * Listens to the server while somebody looks. It asks for everything once, when events
 * have begun to come; with back-off while the server is away; and again and again only
 * where the server can be asked but no WebSocket can be had.
 */
export class Connection implements IDisposable {
  constructor(private readonly options: IConnectionOptions) {
    this.poll = new Poll({
      auto: false,
      name: '@jupyter-llm/labextension:models',
      factory: () => this.connect(),
      frequency: { interval: CALM_MS, backoff: BACKOFF, max: MAX_MS },
      standby: 'never' // attention sees to that, and closes the socket, too
    });
    this.attention = new Attention(isPaid => {
      if (isPaid) {
        void this.poll.refresh();
      } else {
        void this.poll.stop();
        this.end();
      }
    }, options.page);
  }

  get isDisposed(): boolean {
    return this.poll.isDisposed;
  }

  dispose(): void {
    this.attention.dispose();
    this.poll.dispose();
    this.end();
  }

  watch(): IDisposable {
    return this.attention.watch();
  }

  /** Where the server has to be asked again and again, ask more often. */
  set isBusy(isBusy: boolean) {
    this.busy = isBusy;
    this.pace();
  }

  private async connect(): Promise<void> {
    if (this.socket) {
      return;
    }
    const turn = ++this.lastTurn;
    const now = Date.now();
    let hasFailed = false;
    if (now >= this.socketRetryAt) {
      const socket = await this.openSocket(turn).catch(() => null);
      if (turn !== this.lastTurn) {
        socket?.close(); // nobody looks any more
        return;
      }
      hasFailed = socket === null;
      this.socket = socket;
      this.options.onLive(socket !== null);
      this.pace();
    }
    try {
      await this.options.ask();
    } catch (reason) {
      this.end(); // so that everything is asked again, with back-off
      throw reason;
    }
    if (hasFailed) {
      this.socketRetryAt = now + SOCKET_RETRY_MS; // the server is there, its events are not
    }
  }

  private openSocket(turn: number): Promise<IEventSocket> {
    return this.options.openSocket({
      onEvent: event => {
        if (turn === this.lastTurn) {
          this.options.onEvent(event);
        }
      },
      onEnd: () => {
        if (turn === this.lastTurn) {
          this.end();
          void this.poll.refresh();
        }
      }
    });
  }

  private end(): void {
    this.lastTurn += 1;
    this.socketRetryAt = 0;
    this.socket?.close();
    if (this.socket) {
      this.socket = null;
      this.options.onLive(false);
    }
    this.pace();
  }

  private pace(): void {
    if (this.isDisposed) {
      return;
    }
    const asking = this.busy ? BUSY_MS : CALM_MS;
    const interval = this.socket ? Poll.NEVER : asking;
    this.poll.frequency = { interval, backoff: BACKOFF, max: MAX_MS };
  }

  private readonly poll: Poll;
  private readonly attention: Attention;
  private socket: IEventSocket | null = null;
  private socketRetryAt = 0;
  private lastTurn = 0;
  private busy = false;
}
