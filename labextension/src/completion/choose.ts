import type { ISnapshot } from '../tokens';
import type { IModelStatus } from '../types';

/**
 * The model to ask, or `null`: one that is in memory and writes text. The `wanted` one or
 * none; without a wish, one that fills gaps rather than one that goes on with a text, and
 * never those that come with the package, which know no code.
 */
export function chooseModel(
  snapshot: ISnapshot,
  wanted: string
): IModelStatus | null {
  if (snapshot.problem !== null || !snapshot.permissions.execute) {
    return null;
  }
  const ready = snapshot.models.filter(
    ({ model, state }) => state === 'ready' && model.modalities.includes('text')
  );
  if (wanted !== '') {
    return ready.find(({ model }) => model.id === wanted) ?? null;
  }
  const own = ready.filter(({ model }) => model.source !== 'built-in');
  return own.find(({ stats }) => stats.can_fill_gaps) ?? own[0] ?? null;
}
