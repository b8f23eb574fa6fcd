import type { IModelStatus } from '../types';

interface ICount {
  at: number;
  num_tokens: number;
}

/** How fast models write, from one count of their tokens to the next. */
export class Speeds {
  /** Tokens per second by model id; models that write nothing have none. */
  byModel: ReadonlyMap<string, number> = new Map();

  /** The server has told of a model; `at` is in seconds since 1970. */
  note(at: number, { model, state, stats }: IModelStatus): void {
    const before = this.counts.get(model.id);
    const count = { at, num_tokens: stats.num_completion_tokens };
    this.counts.set(model.id, count);
    const isBusy = state === 'ready' && stats.num_running > 0;
    this.become(model.id, isBusy && before ? speed(before, count) : 0);
  }

  private become(modelId: string, tokensPerS: number): void {
    const speeds = new Map(this.byModel);
    speeds.delete(modelId);
    if (tokensPerS > 0) {
      speeds.set(modelId, tokensPerS);
    }
    this.byModel = speeds;
  }

  private readonly counts = new Map<string, ICount>();
}

function speed(before: ICount, now: ICount): number {
  const elapsed_s = now.at - before.at;
  return elapsed_s > 0 ? (now.num_tokens - before.num_tokens) / elapsed_s : 0;
}
