import type { JupyterFrontEnd } from '@jupyterlab/application';
import { DocumentWidget } from '@jupyterlab/docregistry';
import type { CommandRegistry } from '@lumino/commands';

const QUESTION = 'What can you do?';

/**
 * Ask a model in a notebook: two cells below the active one, or in a new notebook if
 * none is open. Without a model, whichever answers where none is named.
 */
export async function insertExample(
  app: JupyterFrontEnd,
  modelId: string
): Promise<void> {
  const { commands } = app;
  const ask = modelId ? `%%llm -m ${modelId}` : '%%llm';
  if (commands.isEnabled('notebook:insert-cell-below')) {
    await commands.execute('notebook:insert-cell-below');
  } else {
    await openNotebook(app);
  }
  await write(commands, `${ask}\n${QUESTION}`);
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
