import type { JupyterFrontEnd } from '@jupyterlab/application';
import { InputDialog, Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';

import { CommandIDs, may } from './commandids';
import { insertExample } from './example';
import { labTools } from './labtools';
import { addModelCommands, type IModelCommand } from './modelcommands';
import type { IModelManager } from './tokens';

export { CommandIDs };

/** What the commands use of the panel. */
export interface IPanel {
  readonly id: string;
  load(modelId: string): Promise<void>;
  editOptions(modelId: string): void;
  openSearch(): void;
}

export interface ICommandsOptions {
  app: JupyterFrontEnd;
  manager: IModelManager;
  panel: IPanel;
  trans: TranslationBundle;
}

const NO_ARGUMENTS = { args: { type: 'object', properties: {} } };

/** Add the commands of the panel; returns their ids, for the palette. */
export function addCommands(options: ICommandsOptions): string[] {
  return [...addPanelCommands(options), ...addCommandsOnModels(options)];
}

function addCommandsOnModels(options: ICommandsOptions): string[] {
  const { app, manager, panel, trans } = options;
  const place = {
    manager,
    panel: {
      load: (modelId: string) => panel.load(modelId),
      editOptions: (modelId: string) => {
        app.shell.activateById(panel.id);
        panel.editOptions(modelId);
      }
    },
    tools: labTools,
    choose: (title: string, ids: readonly string[]) =>
      choose(title, ids, trans),
    trans
  };
  const example: IModelCommand = {
    id: CommandIDs.insertExample,
    label: trans.__('Insert a %%llm Example'),
    short: trans.__('Ask in a Notebook'),
    needs: 'execute',
    suits: ({ unavailable }) => !unavailable,
    act: modelId => insertExample(app, modelId),
    isForAll: true
  };
  return addModelCommands(app.commands, place, [example]);
}

async function choose(
  title: string,
  ids: readonly string[],
  trans: TranslationBundle
): Promise<string> {
  if (ids.length === 0) {
    Notification.info(trans.__('There is no model to do this with.'), {
      autoClose: 5000
    });
    return '';
  }
  const label = trans.__('Model');
  const chosen = await InputDialog.getItem({ title, label, items: [...ids] });
  return chosen.button.accept ? (chosen.value ?? '') : '';
}

function addPanelCommands(options: ICommandsOptions): string[] {
  const { app, manager, panel, trans } = options;
  const { commands, shell } = app;
  commands.addCommand(CommandIDs.showPanel, {
    label: trans.__('Show Language Models'),
    caption: trans.__('Show the models that this notebook server can run'),
    describedBy: NO_ARGUMENTS,
    execute: () => {
      shell.activateById(panel.id);
    }
  });
  commands.addCommand(CommandIDs.search, {
    label: trans.__('Find Language Models on the Hub'),
    caption: trans.__('Look for models to download'),
    describedBy: NO_ARGUMENTS,
    isVisible: () => may('write', manager.snapshot),
    execute: () => {
      shell.activateById(panel.id);
      panel.openSearch();
    }
  });
  commands.addCommand(CommandIDs.refresh, {
    label: trans.__('Refresh Language Models'),
    caption: trans.__('Look again for models on disk and in memory'),
    describedBy: NO_ARGUMENTS,
    execute: () => manager.refresh()
  });
  return [CommandIDs.showPanel, CommandIDs.search, CommandIDs.refresh];
}
