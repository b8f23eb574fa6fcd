import type { TranslationBundle } from '@jupyterlab/translation';

import type { ISnapshot } from '../tokens';
import type { DownloadState, ModelState } from '../types';

/** What somebody who cannot see the panel has to be told of a new snapshot. */
export function newsBetween(
  before: ISnapshot,
  now: ISnapshot,
  trans: TranslationBundle
): string[] {
  if (!before.asked) {
    return [];
  }
  return [
    ...problemNews(before, now, trans),
    ...modelNews(before, now, trans),
    ...downloadNews(before, now, trans)
  ];
}

function problemNews(
  before: ISnapshot,
  now: ISnapshot,
  trans: TranslationBundle
): string[] {
  return before.problem && !now.problem
    ? [trans.__('The server answers again')]
    : [];
}

function modelNews(
  before: ISnapshot,
  now: ISnapshot,
  trans: TranslationBundle
): string[] {
  const states = new Map(before.models.map(one => [one.model.id, one.state]));
  const changed = now.models.filter(
    ({ model, state }) => states.has(model.id) && states.get(model.id) !== state
  );
  return changed.flatMap(({ model, state }) => {
    const told: Partial<Record<ModelState, string>> = {
      loading: trans.__('%1 is being loaded', model.id),
      ready: trans.__('%1 is ready', model.id),
      unloaded: trans.__('%1 is unloaded', model.id),
      failed: trans.__('%1 has failed', model.id)
    };
    return told[state] ?? [];
  });
}

function downloadNews(
  before: ISnapshot,
  now: ISnapshot,
  trans: TranslationBundle
): string[] {
  const states = new Map(before.downloads.map(one => [one.id, one.state]));
  const changed = now.downloads.filter(
    ({ id, state }) => states.get(id) !== state
  );
  return changed.flatMap(({ repo_id, state }) => {
    const told: Partial<Record<DownloadState, string>> = {
      running: trans.__('The download of %1 has begun', repo_id),
      done: trans.__('%1 is downloaded', repo_id),
      failed: trans.__('The download of %1 has failed', repo_id),
      cancelled: trans.__('The download of %1 was stopped', repo_id)
    };
    return told[state] ?? [];
  });
}
