import type { TranslationBundle } from '@jupyterlab/translation';

import { formatBytes } from '../panel/format';
import { bytesOf, inMemory } from '../running/loaded';
import type { ISnapshot } from '../tokens';
import type { IModelStatus } from '../types';

/** What the status bar says: a few words, and the whole of it to point at. */
export interface ISummary {
  text: string;
  title: string;
}

/** The models in memory, in the width of a status bar; `null` where there are none. */
export function summarize(
  snapshot: ISnapshot,
  trans: TranslationBundle
): ISummary | null {
  const models = inMemory(snapshot);
  if (models.length === 0) {
    return null;
  }
  const text = [
    nameOf(models, trans),
    activityOf(models, speedOf(snapshot), trans),
    bytesLabel(total(models, bytesOf))
  ];
  return {
    text: text.filter(Boolean).join(' · '),
    title: models
      .map(status =>
        [status.model.id, bytesLabel(bytesOf(status))]
          .filter(Boolean)
          .join(': ')
      )
      .join('\n')
  };
}

/** Empty for models without weights. */
function bytesLabel(bytes: number): string {
  return bytes > 0 ? formatBytes(bytes) : '';
}

function nameOf(models: IModelStatus[], trans: TranslationBundle): string {
  const [first] = models;
  return models.length === 1 && first
    ? first.model.id
    : trans._n('%1 model', '%1 models', models.length);
}

/** What waits says more than how fast the rest is written; a load says most. */
function activityOf(
  models: IModelStatus[],
  tokensPerSecond: number,
  trans: TranslationBundle
): string {
  if (models.some(({ state }) => state === 'loading' || state === 'queued')) {
    return trans.__('loading');
  }
  const waiting = total(models, ({ stats }) => stats.num_waiting);
  if (waiting > 0) {
    return trans._n('%1 waits', '%1 wait', waiting);
  }
  return tokensPerSecond > 0
    ? trans.__('%1 tokens/s', Math.round(tokensPerSecond))
    : '';
}

/** Tokens per second of all models together. */
function speedOf({ speeds }: ISnapshot): number {
  return [...speeds.values()].reduce((sum, speed) => sum + speed, 0);
}

function total(
  models: IModelStatus[],
  of: (status: IModelStatus) => number
): number {
  return models.reduce((sum, status) => sum + of(status), 0);
}
