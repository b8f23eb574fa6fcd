import type { IDisposable } from '@lumino/disposable';
import { Poll } from '@lumino/polling';
import { type ISignal, Signal } from '@lumino/signaling';

import type { IServer, IServerStatus, IUsedModel } from '../types';
import type { IAdminAPI } from './api';

const INTERVAL_MS = 10_000;
const MAX_MS = 60_000;

/** What the page shows beside the models; replaced, never changed. */
export interface IOverview {
  readonly status: IServerStatus;
  readonly usedModels: readonly IUsedModel[];
  readonly servers: readonly IServer[];
}

/**
 * Asks for what no event tells: use, other servers, engines. Not while nobody sees the
 * page, and with back-off while the server is away.
 */
export class AdminModel implements IDisposable {
  constructor(private readonly api: IAdminAPI) {
    this.poll = new Poll({
      name: '@jupyter-llm/labextension:admin',
      factory: () => this.ask(),
      frequency: { interval: INTERVAL_MS, backoff: true, max: MAX_MS },
      standby: 'when-hidden'
    });
  }

  /** The last answer; `null` before the first one. */
  get overview(): IOverview | null {
    return this.current;
  }

  get changed(): ISignal<AdminModel, void> {
    return this.signal;
  }

  get isDisposed(): boolean {
    return this.poll.isDisposed;
  }

  dispose(): void {
    this.poll.dispose();
    Signal.clearData(this);
  }

  private async ask(): Promise<void> {
    const [status, usedModels, servers] = await Promise.all([
      this.api.status(),
      this.api.usedModels(),
      this.api.servers()
    ]);
    this.current = { status, usedModels, servers };
    this.signal.emit();
  }

  private current: IOverview | null = null;
  private readonly signal = new Signal<AdminModel, void>(this);
  private readonly poll: Poll;
}
