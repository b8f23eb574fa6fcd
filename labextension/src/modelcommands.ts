import { Clipboard, InputDialog, Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { CommandIDs, may } from './commandids';
import type { ICommandsOptions } from './commands';
import { askToDelete } from './deletion';
import { insertExample } from './example';
import type { IModelManager, IPermissions, ISnapshot } from './tokens';
import type { IModelEntry, ModelState } from './types';

/** A command on one model, which is asked for where none is given. */
interface IModelCommand {
  id: string;
  label: string;
  /** The label where the model is known, as in a menu. */
  short: string;
  needs: keyof IPermissions;
  suits: (entry: IModelEntry) => boolean;
  act: (modelId: string) => unknown;
  /** Whether it makes sense without a model, too. */
  isForAll?: boolean;
}

const ONE_MODEL = {
  args: {
    type: 'object',
    properties: {
      model: { type: 'string', description: 'The id of the model' }
    }
  }
};

/** Add the commands that load, unload and ask models; returns their ids. */
export function addModelCommands(options: ICommandsOptions): string[] {
  const { app, manager, trans } = options;
  const listed = modelCommands(options);
  for (const command of listed) {
    app.commands.addCommand(command.id, {
      label: args => (modelOf(args) ? command.short : command.label),
      describedBy: ONE_MODEL,
      isVisible: args => isVisible(command, manager.snapshot, modelOf(args)),
      execute: async args => {
        const given = modelOf(args);
        const modelId =
          given || command.isForAll
            ? given
            : await choose(command, manager, trans);
        if (modelId || command.isForAll) {
          await command.act(modelId);
        }
      }
    });
  }
  return listed.map(({ id }) => id);
}

function modelCommands(options: ICommandsOptions): IModelCommand[] {
  const { app, manager, panel, trans } = options;
  return [
    {
      id: CommandIDs.load,
      label: trans.__('Load a Language Model…'),
      short: trans.__('Load'),
      needs: 'write',
      suits: isIn('unloaded', 'failed'),
      act: modelId => panel.load(modelId)
    },
    {
      id: CommandIDs.loadWithOptions,
      label: trans.__('Load a Language Model with Options…'),
      short: trans.__('Load with Options…'),
      needs: 'write',
      suits: isIn('unloaded', 'failed', 'ready'),
      act: modelId => {
        app.shell.activateById(panel.id);
        panel.editOptions(modelId);
      }
    },
    {
      id: CommandIDs.switchTo,
      label: trans.__('Switch to a Language Model…'),
      short: trans.__('Switch to This Model'),
      needs: 'write',
      suits: ({ model, unavailable }) =>
        !unavailable && model.id !== manager.snapshot.activeId,
      act: modelId => manager.switchTo(modelId)
    },
    {
      id: CommandIDs.unload,
      label: trans.__('Unload a Language Model…'),
      short: trans.__('Unload'),
      needs: 'write',
      suits: isIn('queued', 'loading', 'ready'),
      act: modelId => manager.unload(modelId)
    },
    {
      id: CommandIDs.deleteModel,
      label: trans.__('Delete a Language Model…'),
      short: trans.__('Delete from Disk…'),
      needs: 'write',
      suits: ({ model }) => model.source === 'models_dir',
      act: modelId => askToDelete(modelId, manager, trans)
    },
    {
      id: CommandIDs.insertExample,
      label: trans.__('Insert a %%llm Example'),
      short: trans.__('Ask in a Notebook'),
      needs: 'execute',
      suits: ({ unavailable }) => !unavailable,
      act: modelId => insertExample(app, modelId),
      isForAll: true
    },
    {
      id: CommandIDs.copyId,
      label: trans.__('Copy the Name of a Language Model…'),
      short: trans.__('Copy Name'),
      needs: 'read',
      suits: () => true,
      act: modelId => {
        Clipboard.copyToSystem(modelId);
      }
    }
  ];
}

function isVisible(
  command: IModelCommand,
  snapshot: ISnapshot,
  modelId: string
): boolean {
  const entry = snapshot.models.find(({ model }) => model.id === modelId);
  return may(command.needs, snapshot) && (!entry || command.suits(entry));
}

/** Ask which model is meant; empty if there is none, or the person thought better of it. */
async function choose(
  command: IModelCommand,
  manager: IModelManager,
  trans: TranslationBundle
): Promise<string> {
  await manager.refresh(); // nobody may have looked until now
  const items = manager.snapshot.models
    .filter(entry => command.suits(entry))
    .map(({ model }) => model.id);
  if (items.length === 0) {
    Notification.info(trans.__('There is no model to do this with.'), {
      autoClose: 5000
    });
    return '';
  }
  const chosen = await InputDialog.getItem({
    title: command.label.replace('…', ''),
    label: trans.__('Model'),
    items
  });
  return chosen.button.accept ? (chosen.value ?? '') : '';
}

function isIn(...states: ModelState[]): (entry: IModelEntry) => boolean {
  return ({ state, unavailable }) => !unavailable && states.includes(state);
}

function modelOf({ model }: ReadonlyPartialJSONObject): string {
  return typeof model === 'string' ? model : '';
}
