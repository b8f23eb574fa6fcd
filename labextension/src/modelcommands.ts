import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { CommandIDs, may } from './commandids';
import { askToDelete } from './deletion';
import type { IPageTools } from './pagetools';
import type { IModelManager, IPermissions, ISnapshot } from './tokens';
import type { IModelEntry, ModelState } from './types';

/** A command on one model, which is asked for where none is given. */
export interface IModelCommand {
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

/** What the commands act on and ask with. */
export interface IModelCommandsOptions {
  manager: IModelManager;
  panel: {
    load(modelId: string): unknown;
    /** Show the form for the options that a model is loaded with. */
    editOptions(modelId: string): void;
  };
  tools: IPageTools;
  /** Ask for one of these models; empty if the person thought better of it. */
  choose: (title: string, ids: readonly string[]) => Promise<string>;
  trans: TranslationBundle;
}

/** Add the commands that load, unload and ask models, and others; returns their ids. */
export function addModelCommands(
  commands: CommandRegistry,
  options: IModelCommandsOptions,
  others: readonly IModelCommand[] = []
): string[] {
  const { manager } = options;
  const listed = [...modelCommands(options), ...others];
  for (const command of listed) {
    commands.addCommand(command.id, {
      label: args => (modelOf(args) ? command.short : command.label),
      describedBy: ONE_MODEL,
      isVisible: args => isVisible(command, manager.snapshot, modelOf(args)),
      execute: async args => {
        const given = modelOf(args);
        const modelId =
          given || command.isForAll ? given : await choose(command, options);
        if (modelId || command.isForAll) {
          await command.act(modelId);
        }
      }
    });
  }
  return listed.map(({ id }) => id);
}

function modelCommands(options: IModelCommandsOptions): IModelCommand[] {
  const { manager, panel, tools, trans } = options;
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
      act: modelId => askToDelete(modelId, options)
    },
    {
      id: CommandIDs.copyId,
      label: trans.__('Copy the Name of a Language Model…'),
      short: trans.__('Copy Name'),
      needs: 'read',
      suits: () => true,
      act: modelId => {
        tools.copy(modelId);
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
  { manager, ...options }: IModelCommandsOptions
): Promise<string> {
  await manager.refresh(); // nobody may have looked until now
  const ids = manager.snapshot.models
    .filter(entry => command.suits(entry))
    .map(({ model }) => model.id);
  return options.choose(command.label.replace('…', ''), ids);
}

function isIn(...states: ModelState[]): (entry: IModelEntry) => boolean {
  return ({ state, unavailable }) => !unavailable && states.includes(state);
}

function modelOf({ model }: ReadonlyPartialJSONObject): string {
  return typeof model === 'string' ? model : '';
}
