import { Poll } from '@lumino/polling';
import { type ISignal, Signal } from '@lumino/signaling';

import { type IRestAPI, RestError } from './restapi';
import type { IModelManager, ISnapshot, Problem } from './tokens';
import type { IModelStatus, ModelState } from './types';

const CALM_MS = 3000;
const BUSY_MS = 700;
const MAX_MS = 60_000;

/**
 * Asks the server how its models stand: often while one of them moves, seldom while
 * none does, with back-off while the server is away, never while nobody looks.
 */
export class ModelManager implements IModelManager {
  constructor(private readonly api: IRestAPI) {
    this.poll = new Poll({
      auto: false,
      name: '@jupyter-llm/labextension:models',
      factory: () => this.ask(),
      frequency: { interval: CALM_MS, backoff: true, max: MAX_MS },
      standby: 'when-hidden'
    });
  }

  get snapshot(): ISnapshot {
    return this.current;
  }

  get changed(): ISignal<IModelManager, ISnapshot> {
    return this.signal;
  }

  get isDisposed(): boolean {
    return this.poll.isDisposed;
  }

  dispose(): void {
    this.poll.dispose();
    Signal.clearData(this);
  }

  watch(isVisible: boolean): void {
    void (isVisible ? this.poll.start() : this.poll.stop());
  }

  refresh(): Promise<void> {
    return this.ask().catch(() => undefined); // the snapshot tells what went wrong
  }

  load(modelId: string): Promise<void> {
    return this.move(modelId, 'loading', () => this.api.load(modelId));
  }

  unload(modelId: string): Promise<void> {
    return this.move(modelId, 'unloading', () => this.api.unload(modelId));
  }

  /** Show the move at once, make it, then show what came of it. */
  private async move(
    modelId: string,
    state: ModelState,
    act: () => Promise<void>
  ): Promise<void> {
    const move = { state };
    this.moves.set(modelId, move);
    this.refusals.delete(modelId);
    this.publish({ models: this.withMoves(this.current.models) });
    void this.poll.refresh();
    const refusal = await act().then(() => null, messageOf);
    if (this.moves.get(modelId) !== move) {
      return; // another move took its place: an unload ends a load, for example
    }
    this.moves.delete(modelId);
    await this.refresh();
    if (refusal !== null) {
      this.refusals.set(modelId, refusal);
      this.publish({});
    }
  }

  private async ask(): Promise<void> {
    const turn = ++this.lastTurn;
    const answer = await this.questions().catch((reason: unknown) => {
      if (turn === this.lastTurn) {
        this.publish({ asked: true, problem: problemOf(reason) });
      }
      throw reason; // so that the poll backs off
    });
    if (turn === this.lastTurn) {
      this.forgetRefusals(answer.models);
      this.publish({ ...answer, asked: true, problem: null });
    }
  }

  private async questions(): Promise<
    Pick<ISnapshot, 'models' | 'modelsDirs' | 'devices' | 'mayWrite'>
  > {
    this.mayWrite ??= await this.api.mayWrite();
    const [listing, devices] = await Promise.all([
      this.api.listModels(),
      this.api.listDevices()
    ]);
    return {
      models: this.withMoves(listing.data),
      modelsDirs: listing.models_dirs,
      devices,
      mayWrite: this.mayWrite
    };
  }

  /** A refusal is of interest until the model stands elsewhere. */
  private forgetRefusals(models: readonly IModelStatus[]): void {
    const before = new Map(
      this.current.models.map(({ model, state }) => [model.id, state])
    );
    for (const { model, state } of models) {
      if (before.get(model.id) !== state) {
        this.refusals.delete(model.id);
      }
    }
  }

  /** The server may answer before it has heard of a move that this user began. */
  private withMoves(models: readonly IModelStatus[]): IModelStatus[] {
    return models.map(status => {
      const state = this.moves.get(status.model.id)?.state;
      return state && !isMoving(status)
        ? { ...status, state, progress: 0 }
        : status;
    });
  }

  private publish(news: Partial<ISnapshot>): void {
    if (this.isDisposed) {
      return;
    }
    const refusals = new Map(this.refusals);
    this.current = { ...this.current, ...news, refusals };
    const interval = this.current.models.some(isMoving) ? BUSY_MS : CALM_MS;
    this.poll.frequency = { ...this.poll.frequency, interval };
    this.signal.emit(this.current);
  }

  private readonly poll: Poll;
  private readonly signal = new Signal<IModelManager, ISnapshot>(this);
  private readonly moves = new Map<string, { state: ModelState }>();
  private readonly refusals = new Map<string, string>();
  private lastTurn = 0;
  private mayWrite: boolean | undefined;
  private current: ISnapshot = {
    asked: false,
    models: [],
    modelsDirs: [],
    devices: [],
    mayWrite: false,
    problem: null,
    refusals: new Map()
  };
}

/** Whether a model is on its way into memory or out of it. */
export function isMoving({ state }: IModelStatus): boolean {
  return state === 'queued' || state === 'loading' || state === 'unloading';
}

function problemOf(reason: unknown): Problem {
  const status = reason instanceof RestError ? reason.status : 0;
  if (status === 401 || status === 403) {
    return 'forbidden';
  }
  return status === 404 ? 'missing' : 'offline';
}

function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
