import type { IModelStatus } from '../types';

/** So long after its last token a model is still said to be as fast as it was. */
const KEPT_S = 10;

interface ICount {
  at: number;
  num_tokens: number;
  step_s: number;
}

interface ISpeed {
  at: number;
  tokensPerS: number;
}

/**
 * How fast models write, from one count of their tokens to the next; an answer that is
 * over before anybody looks is to be seen, too.
 */
export class Speeds {
  /** Tokens per second by model id; models that have long written nothing have none. */
  byModel: ReadonlyMap<string, number> = new Map();

  /** The server has told of a model; `at` is in seconds since 1970. */
  note(at: number, { model, state, stats }: IModelStatus): void {
    const before = this.counts.get(model.id);
    const { num_completion_tokens: num_tokens, step_s } = stats;
    const count = { at, num_tokens, step_s };
    this.counts.set(model.id, count);
    if (state !== 'ready') {
      this.last.delete(model.id);
    } else if (before && count.num_tokens > before.num_tokens) {
      this.last.set(model.id, { at, tokensPerS: speed(before, count) });
    }
    this.pass(at);
  }

  /** It is `at` by the server's clock, whatever it has told. */
  pass(at: number): void {
    const kept = [...this.last].filter(([, last]) => last.at > at - KEPT_S);
    this.byModel = new Map(
      kept.map(([id, { tokensPerS }]) => [id, tokensPerS])
    );
  }

  private readonly counts = new Map<string, ICount>();
  private readonly last = new Map<string, ISpeed>();
}

/** By the time that the engine worked, where it tells that. */
function speed(before: ICount, now: ICount): number {
  const worked_s = now.step_s - before.step_s;
  const elapsed_s = worked_s > 0 ? worked_s : now.at - before.at;
  return elapsed_s > 0 ? (now.num_tokens - before.num_tokens) / elapsed_s : 0;
}
