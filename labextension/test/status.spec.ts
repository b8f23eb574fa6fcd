import { nullTranslator } from '@jupyterlab/translation';

import { Speed } from '../src/statusbar/speed';
import { summarize } from '../src/statusbar/summary';
import type { ISnapshot } from '../src/tokens';
import type { IEngineStats, IModelStatus, ModelState } from '../src/types';
import { aStatus } from './fakes';

const trans = nullTranslator.load('jupyter_llm');

function aModel(
  id: string,
  state: ModelState,
  stats: Partial<IEngineStats> = {}
): IModelStatus {
  const status = aStatus(id, state);
  const memory = { ...status.memory, weights_bytes: 2e9, kv_cache_bytes: 1e8 };
  return { ...status, memory, stats: { ...status.stats, ...stats } };
}

function snapshotOf(...models: IModelStatus[]): ISnapshot {
  return { models } as unknown as ISnapshot;
}

describe('summarize', () => {
  it('says nothing where nothing is loaded', () => {
    const snapshot = snapshotOf(aModel('a', 'unloaded'), aModel('b', 'failed'));
    expect(summarize(snapshot, 0, trans)).toBeNull();
  });

  it.each([
    [0, 'a · 2.1 GB'],
    [41.6, 'a · 42 tokens/s · 2.1 GB']
  ])('names one model that writes %d tokens/s', (speed, text) => {
    const summary = summarize(snapshotOf(aModel('a', 'ready')), speed, trans);
    expect(summary?.text).toBe(text);
  });

  it('counts several, and prefers what waits to what is fast', () => {
    const snapshot = snapshotOf(
      aModel('a', 'ready', { num_waiting: 2 }),
      aModel('b', 'ready', { num_waiting: 1 })
    );
    const summary = summarize(snapshot, 40, trans);
    expect(summary?.text).toBe('2 models · 3 wait · 4.2 GB');
    expect(summary?.title).toBe('a: 2.1 GB\nb: 2.1 GB');
  });

  it('says that a model is on its way', () => {
    const snapshot = snapshotOf(aModel('a', 'loading'));
    expect(summarize(snapshot, 0, trans)?.text).toBe('a · loading · 2.1 GB');
  });
});

describe('Speed', () => {
  const at = (tokens: number, seconds: number, running = 1): ISnapshot =>
    snapshotOf(
      aModel('a', 'ready', {
        num_running: running,
        num_completion_tokens: tokens,
        decode_s: seconds
      })
    );

  it('is what was written in the time that the engine took', () => {
    const speed = new Speed();
    expect(speed.after(at(100, 10))).toBe(0);
    expect(speed.after(at(150, 11))).toBe(50);
  });

  it('is none while nothing is written, or after a new load', () => {
    const speed = new Speed();
    speed.after(at(100, 10));
    expect(speed.after(at(150, 11, 0))).toBe(0);
    expect(speed.after(at(5, 0.1))).toBe(0);
  });
});
