import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { addCommands, CommandIDs } from '../commands';
import { IModelManager } from '../tokens';
import { ModelsPanel } from './panel';

/** The side panel of models and the commands around it. */
export const panelPlugin: JupyterFrontEndPlugin<void> = {
  id: '@jupyter-llm/labextension:panel',
  description: 'Adds the side panel of language models and its commands.',
  autoStart: true,
  requires: [IModelManager],
  optional: [ICommandPalette, ILayoutRestorer, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    models: IModelManager,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('jupyter_llm');
    const widget = new ModelsPanel({
      manager: models,
      trans,
      onTry: model =>
        void app.commands.execute(CommandIDs.insertExample, { model })
    });
    app.shell.add(widget, 'left', { rank: 650, type: 'Language Models' });
    restorer?.add(widget, widget.id);
    const category = trans.__('Language Models');
    for (const command of addCommands(app, models, widget.id, trans)) {
      palette?.addItem({ command, category });
    }
  }
};
