import type { JupyterFrontEnd } from '@jupyterlab/application';
import { DocumentWidget } from '@jupyterlab/docregistry';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';

import type { IModelManager } from './tokens';

export namespace CommandIDs {
  export const showPanel = 'llm:show-panel';
  export const refresh = 'llm:refresh';
  export const insertExample = 'llm:insert-example';
}

const NO_ARGUMENTS = { args: { type: 'object', properties: {} } };

const ONE_MODEL = {
  args: {
    type: 'object',
    properties: {
      model: { type: 'string', description: 'The id of the model to ask' }
    }
  }
};

/** Add the commands of this extension; returns their ids, for the palette. */
export function addCommands(
  app: JupyterFrontEnd,
  manager: IModelManager,
  panelId: string,
  trans: TranslationBundle
): string[] {
  const { commands, shell } = app;
  commands.addCommand(CommandIDs.showPanel, {
    label: trans.__('Show Language Models'),
    caption: trans.__('Show the models that this notebook server can run'),
    describedBy: NO_ARGUMENTS,
    execute: () => {
      shell.activateById(panelId);
    }
  });
  commands.addCommand(CommandIDs.refresh, {
    label: trans.__('Refresh Language Models'),
    caption: trans.__('Look again for models on disk and in memory'),
    describedBy: NO_ARGUMENTS,
    execute: () => manager.refresh()
  });
  commands.addCommand(CommandIDs.insertExample, {
    label: trans.__('Insert a %%llm Example'),
    caption: trans.__('Add cells to the notebook that ask a model a question'),
    describedBy: ONE_MODEL,
    execute: args => insertExample(app, args.model)
  });
  return Object.values(CommandIDs);
}

const EXAMPLE_QUESTION = 'What can you do?';

/** Put two cells below the active one, or into a new notebook if none is open. */
async function insertExample(
  app: JupyterFrontEnd,
  model: unknown
): Promise<void> {
  const { commands } = app;
  const ask = typeof model === 'string' ? `%%llm -m ${model}` : '%%llm';
  if (commands.isEnabled('notebook:insert-cell-below')) {
    await commands.execute('notebook:insert-cell-below');
  } else {
    await openNotebook(app);
  }
  await write(commands, `${ask}\n${EXAMPLE_QUESTION}`);
  // the upper cell comes last: it stays the active one, and it has to run first
  await commands.execute('notebook:insert-cell-above');
  await write(commands, '%load_ext jupyter_llm');
}

/** Open a notebook with the default kernel; its first cell is the active one. */
async function openNotebook(app: JupyterFrontEnd): Promise<void> {
  const kernelName = app.serviceManager.kernelspecs.specs?.default ?? '';
  const opened: unknown = await app.commands.execute('notebook:create-new', {
    kernelName
  });
  if (opened instanceof DocumentWidget) {
    await opened.context.ready;
  }
}

function write(commands: CommandRegistry, text: string): Promise<void> {
  return commands.execute('notebook:replace-selection', { text });
}
