import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { ChatCommandIDs } from '../chat/commands';
import { addCommands, CommandIDs } from '../commands';
import { KeysAPI } from '../keys/api';
import { KeysModel } from '../keys/model';
import { Requests } from '../requests';
import { ServicesAPI } from '../services/api';
import { ServicesModel } from '../services/model';
import { IModelManager } from '../tokens';
import { MODEL_MENU, ModelMenu } from './menu';
import { ModelsPanel } from './panel';
import { readSettings } from './settings';

const ID = '@jupyter-llm/labextension:panel';

/** What its menu also offers to those who may ask a model something. */
const ASKING = [ChatCommandIDs.open, CommandIDs.insertExample];

/** The side panel of models and the commands around it. */
export const panelPlugin: JupyterFrontEndPlugin<void> = {
  id: ID,
  description: 'Adds the side panel of language models and its commands.',
  autoStart: true,
  requires: [IModelManager],
  optional: [ICommandPalette, ILayoutRestorer, ITranslator, ISettingRegistry],
  activate: (
    app: JupyterFrontEnd,
    manager: IModelManager,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    translator: ITranslator | null,
    registry: ISettingRegistry | null
  ) => {
    const trans = (translator ?? nullTranslator).load('jupyter_llm');
    const { serverSettings } = app.serviceManager;
    const requests = new Requests(serverSettings);
    const menu = new ModelMenu({ commands: app.commands });
    const panel = new ModelsPanel({
      manager,
      trans,
      keys: new KeysModel(new KeysAPI(requests)),
      services: new ServicesModel(new ServicesAPI(requests), manager),
      lab: {
        onChat: model =>
          void app.commands.execute(ChatCommandIDs.open, { model }),
        onMenu: (model, button) => {
          const { execute } = manager.snapshot.permissions;
          menu.open(
            execute ? [...MODEL_MENU, ...ASKING] : MODEL_MENU,
            model,
            button
          );
        }
      }
    });
    app.shell.add(panel, 'left', { rank: 650, type: 'Language Models' });
    restorer?.add(panel, panel.id);
    const category = trans.__('Language Models');
    for (const command of addCommands({ app, manager, panel, trans })) {
      palette?.addItem({ command, category });
    }
    void registry?.load(ID).then(settings => {
      panel.use(readSettings(settings));
      settings.changed.connect(() => {
        panel.use(readSettings(settings));
      });
    });
  }
};
