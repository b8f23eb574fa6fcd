import type { ISnapshot } from '../tokens';
import type { IEngineStats } from '../types';

/**
 * How fast the models write, from one snapshot to the next.
 *
 * The engines' own clocks are used: tokens by seconds of computing, whenever the
 * snapshots were taken.
 */
export class Speed {
  /** Tokens per second of all models together since the last snapshot, 0 while none writes. */
  after(snapshot: ISnapshot): number {
    let sum = 0;
    for (const { model, stats } of snapshot.models) {
      const before = this.before.get(model.id);
      this.before.set(model.id, stats);
      sum += before && stats.num_running > 0 ? rate(before, stats) : 0;
    }
    return sum;
  }

  private readonly before = new Map<string, IEngineStats>();
}

/** Counters begin anew when a model is loaded again. */
function rate(before: IEngineStats, now: IEngineStats): number {
  const seconds = now.decode_s - before.decode_s;
  const tokens = now.num_completion_tokens - before.num_completion_tokens;
  return seconds > 0 && tokens > 0 ? tokens / seconds : 0;
}
