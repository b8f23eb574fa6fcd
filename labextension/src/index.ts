import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { chat } from './chat/plugin';
import { addCommands, CommandIDs } from './commands';
import { ModelManager } from './manager';
import { ModelsPanel } from './panel/panel';
import { RestAPI } from './restapi';
import { IModelManager } from './tokens';

const manager: JupyterFrontEndPlugin<IModelManager> = {
  id: '@jupyter-llm/labextension:manager',
  description: 'Knows the language models of the notebook server.',
  autoStart: true,
  provides: IModelManager,
  activate: (app: JupyterFrontEnd) =>
    new ModelManager(new RestAPI(app.serviceManager.serverSettings))
};

const panel: JupyterFrontEndPlugin<void> = {
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

export default [manager, panel, chat];
