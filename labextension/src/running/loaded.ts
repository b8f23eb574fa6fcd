import type { ISnapshot } from '../tokens';
import type { IModelStatus } from '../types';

/** The models that are in memory, or on their way into it or out of it. */
export function inMemory({ models }: ISnapshot): IModelStatus[] {
  return models.filter(
    ({ state }) => state !== 'unloaded' && state !== 'failed'
  );
}

/** The memory of a model, all its parts together. */
export function bytesOf({ memory }: IModelStatus): number {
  return (
    memory.weights_bytes +
    memory.kv_cache_bytes +
    memory.compute_bytes +
    memory.overhead_bytes
  );
}
