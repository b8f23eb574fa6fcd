import type { IMemorySample } from '../tokens';
import type { IMemoryBody } from '../types';

/** How far back the history goes, and how close its samples may lie. */
const KEPT_S = 300;
const MIN_STEP_S = 1;

/** Whose the memory of each device is, and was. */
export class Devices {
  history: readonly IMemorySample[] = [];

  /** What was said last. */
  get now(): Pick<IMemorySample, 'devices' | 'memory'> {
    return { devices: this.last.data, memory: this.last.models };
  }

  /** The server has told; `at` is in seconds since 1970. */
  note(at: number, body: IMemoryBody): void {
    this.last = body;
    const newest = this.history.at(-1)?.at ?? 0;
    // a page's clock may differ from the server's: what goes back in time begins anew
    const kept = newest > at + KEPT_S ? [] : this.history;
    const before = kept.filter(
      sample => sample.at > at - KEPT_S && sample.at <= at - MIN_STEP_S
    );
    this.history = [...before, { at, devices: body.data, memory: body.models }];
  }

  private last: IMemoryBody = { data: [], models: [] };
}
