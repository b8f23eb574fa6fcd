import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { TranslationBundle } from '@jupyterlab/translation';

import { CommandIDs, may } from './commandids';
import { addModelCommands } from './modelcommands';
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
  return [...addPanelCommands(options), ...addModelCommands(options)];
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
