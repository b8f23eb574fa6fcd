import type { TranslationBundle } from '@jupyterlab/translation';

import type { IPageTools } from './pagetools';
import { formatBytes } from './panel/format';
import type { IModelManager } from './tokens';

export interface IDeletionOptions {
  manager: IModelManager;
  tools: IPageTools;
  trans: TranslationBundle;
}

/** Delete a model from the disk, if that is meant and nobody uses it. */
export async function askToDelete(
  modelId: string,
  options: IDeletionOptions
): Promise<void> {
  const { manager, tools, trans } = options;
  await manager.refresh(); // it may have been loaded since anybody looked
  const entry = manager.snapshot.models.find(
    ({ model }) => model.id === modelId
  );
  if (!entry) {
    return;
  }
  if (entry.state !== 'unloaded' && entry.state !== 'failed') {
    await tools.refuse(
      trans.__('%1 is in memory', modelId),
      trans.__('Unload it first, so that no answer is lost; then delete it.')
    );
    return;
  }
  const { path, size_bytes } = entry.model;
  const isMeant = await tools.confirm({
    title: trans.__('Delete %1?', modelId),
    body: trans.__(
      'This deletes %1 and frees %2 of the disk. It cannot be undone.',
      path,
      formatBytes(size_bytes)
    ),
    accept: trans.__('Delete')
  });
  if (isMeant) {
    await deleteNow(modelId, options);
  }
}

async function deleteNow(
  modelId: string,
  { manager, tools, trans }: IDeletionOptions
): Promise<void> {
  try {
    const freed = formatBytes(await manager.deleteModel(modelId));
    tools.tell(trans.__('%1 is deleted: %2 are free again.', modelId, freed));
  } catch (reason) {
    await tools.refuse(
      trans.__('%1 was not deleted', modelId),
      reason instanceof Error ? reason.message : String(reason)
    );
  }
}
