import type { IModelEntry, IModelStatus, ModelState } from '../types';

/** What the server says of its models, what this user has just asked for, and what was refused. */
export class Models {
  entries: readonly IModelEntry[] = [];
  /** Why the last move of a model was refused, by its id. */
  refusals: ReadonlyMap<string, string> = new Map();

  /** The server has listed all its models. */
  list(entries: readonly IModelEntry[]): void {
    const before = new Map(this.entries.map(entry => [entry.model.id, entry]));
    for (const entry of entries) {
      this.forgetRefusal(before.get(entry.model.id), entry);
    }
    this.entries = entries.map(entry => this.withMove(entry));
  }

  /**
   * The server has told of one model; returns false if it should be asked for all:
   * the model is new, or it came to rest, and what it takes is known better now.
   */
  note(status: IModelStatus): boolean {
    const before = this.find(status.model.id);
    if (!before) {
      return false;
    }
    this.forgetRefusal(before, status);
    this.replace(this.withMove({ ...before, ...status }));
    return isMoving(status) || before.state === status.state;
  }

  /** This user moves a model; the end of the move names what is returned here. */
  begin(modelId: string, state: ModelState): object {
    const move = { state };
    this.moves.set(modelId, move);
    this.refuse(modelId, null);
    const entry = this.find(modelId);
    if (entry) {
      this.replace(this.withMove(entry));
    }
    return move;
  }

  /** Returns false if another move took the place of this one: an unload ends a load. */
  end(modelId: string, move: object): boolean {
    return this.moves.get(modelId) === move && this.moves.delete(modelId);
  }

  /** Keep why a move was refused, or forget it. */
  refuse(modelId: string, reason: string | null): void {
    const refusals = new Map(this.refusals);
    refusals.delete(modelId);
    if (reason !== null) {
      refusals.set(modelId, reason);
    }
    this.refusals = refusals;
  }

  find(modelId: string): IModelEntry | undefined {
    return this.entries.find(({ model }) => model.id === modelId);
  }

  private replace(entry: IModelEntry): void {
    this.entries = this.entries.map(other =>
      other.model.id === entry.model.id ? entry : other
    );
  }

  /** A refusal is of interest until the model stands elsewhere. */
  private forgetRefusal(
    before: IModelStatus | undefined,
    now: IModelStatus
  ): void {
    if (before?.state !== now.state && this.refusals.has(now.model.id)) {
      this.refuse(now.model.id, null);
    }
  }

  /** The server may answer before it has heard of a move that this user began. */
  private withMove(entry: IModelEntry): IModelEntry {
    const state = this.moves.get(entry.model.id)?.state;
    return state && !isMoving(entry) ? { ...entry, state, progress: 0 } : entry;
  }

  private readonly moves = new Map<string, { state: ModelState }>();
}

/** Whether a model is on its way into memory or out of it. */
export function isMoving({ state }: IModelStatus): boolean {
  return state === 'queued' || state === 'loading' || state === 'unloading';
}
