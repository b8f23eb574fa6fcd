import { nullTranslator } from '@jupyterlab/translation';

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

function snapshotOf(
  models: IModelStatus[],
  speeds: [string, number][] = []
): ISnapshot {
  return { models, speeds: new Map(speeds) } as unknown as ISnapshot;
}

describe('summarize', () => {
  it('says nothing where nothing is loaded', () => {
    const snapshot = snapshotOf([
      aModel('a', 'unloaded'),
      aModel('b', 'failed')
    ]);
    expect(summarize(snapshot, trans)).toBeNull();
  });

  it.each([
    [0, 'a · 2.1 GB'],
    [41.6, 'a · 42 tokens/s · 2.1 GB']
  ])('names one model that writes %d tokens/s', (speed, text) => {
    const speeds: [string, number][] = speed > 0 ? [['a', speed]] : [];
    const summary = summarize(
      snapshotOf([aModel('a', 'ready')], speeds),
      trans
    );
    expect(summary?.text).toBe(text);
  });

  it('counts several, and prefers what waits to what is fast', () => {
    const models = [
      aModel('a', 'ready', { num_waiting: 2 }),
      aModel('b', 'ready', { num_waiting: 1 })
    ];
    const snapshot = snapshotOf(models, [['a', 40]]);
    const summary = summarize(snapshot, trans);
    expect(summary?.text).toBe('2 models · 3 wait · 4.2 GB');
    expect(summary?.title).toBe('a: 2.1 GB\nb: 2.1 GB');
  });

  it('says that a model is on its way', () => {
    const snapshot = snapshotOf([aModel('a', 'loading')]);
    expect(summarize(snapshot, trans)?.text).toBe('a · loading · 2.1 GB');
  });
});
