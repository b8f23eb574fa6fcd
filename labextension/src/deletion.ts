import {
  Dialog,
  Notification,
  showDialog,
  showErrorMessage
} from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';

import { formatBytes } from './panel/format';
import type { IModelManager } from './tokens';

const TOLD_MS = 8000;

/** Delete a model from the disk, if that is meant and nobody uses it. */
export async function askToDelete(
  modelId: string,
  manager: IModelManager,
  trans: TranslationBundle
): Promise<void> {
  await manager.refresh(); // it may have been loaded since anybody looked
  const entry = manager.snapshot.models.find(
    ({ model }) => model.id === modelId
  );
  if (!entry) {
    return;
  }
  if (entry.state !== 'unloaded' && entry.state !== 'failed') {
    await showErrorMessage(
      trans.__('%1 is in memory', modelId),
      trans.__('Unload it first, so that no answer is lost; then delete it.')
    );
    return;
  }
  const { path, size_bytes } = entry.model;
  const answer = await showDialog({
    title: trans.__('Delete %1?', modelId),
    body: trans.__(
      'This deletes %1 and frees %2 of the disk. It cannot be undone.',
      path,
      formatBytes(size_bytes)
    ),
    buttons: [
      Dialog.cancelButton(),
      Dialog.warnButton({ label: trans.__('Delete') })
    ],
    defaultButton: 0
  });
  if (answer.button.accept) {
    await deleteNow(modelId, manager, trans);
  }
}

async function deleteNow(
  modelId: string,
  manager: IModelManager,
  trans: TranslationBundle
): Promise<void> {
  try {
    const freed = formatBytes(await manager.deleteModel(modelId));
    Notification.success(
      trans.__('%1 is deleted: %2 are free again.', modelId, freed),
      { autoClose: TOLD_MS }
    );
  } catch (reason) {
    const title = trans.__('%1 was not deleted', modelId);
    await showErrorMessage(
      title,
      reason instanceof Error ? reason.message : String(reason)
    );
  }
}
