import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { Requests } from '../requests';
import { IModelManager } from '../tokens';
import { addCodeBars } from './codebar';
import { addChatCommands } from './commands';
import { MarkdownDrawer } from './draw';
import { ChatModel } from './model';
import { NotebookSide } from './notebook';
import { openStore } from './open_store';
import { ChatPanel } from './panel';
import { ChatAPI } from './restapi';
import { samplingOf } from './settings';
import { tabPlace } from './tab_place';

const ID = '@jupyter-llm/labextension:chat';

/** The chat and its commands. */
export const chatPlugin: JupyterFrontEndPlugin<void> = {
  id: ID,
  description: 'Adds a chat with the language models of the notebook server.',
  autoStart: true,
  requires: [IModelManager, IRenderMimeRegistry],
  optional: [
    INotebookTracker,
    ICommandPalette,
    ILayoutRestorer,
    ISettingRegistry,
    ITranslator
  ],
  activate: (
    app: JupyterFrontEnd,
    manager: IModelManager,
    rendermime: IRenderMimeRegistry,
    tracker: INotebookTracker | null,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    registry: ISettingRegistry | null,
    translator: ITranslator | null
  ) => {
    const language = translator ?? nullTranslator;
    const trans = language.load('jupyter_llm');
    const { serverSettings } = app.serviceManager;
    const model = new ChatModel({
      api: new ChatAPI(new Requests(serverSettings)),
      openStore: () => openStore(serverSettings.baseUrl),
      place: tabPlace(serverSettings.baseUrl)
    });
    const panel = new ChatPanel({
      model,
      manager,
      notebook: new NotebookSide(tracker, trans),
      drawer: new MarkdownDrawer(rendermime, language, (host, isOpen) => {
        addCodeBars(host, isOpen, trans);
      }),
      onShowModels: () => {
        app.shell.activateById('jp-llm-models');
      },
      trans
    });
    app.shell.add(panel, 'right', { rank: 650, type: 'Language Models' });
    restorer?.add(panel, panel.id);
    const category = trans.__('Language Models');
    for (const command of addChatCommands(app, panel, trans)) {
      palette?.addItem({ command, category });
    }
    void followSettings(registry, model);
  }
};

/** Have conversations begin as the settings say, now and when they change. */
async function followSettings(
  registry: ISettingRegistry | null,
  model: ChatModel
): Promise<void> {
  const settings = await registry?.load(ID).catch(() => undefined);
  if (settings) {
    const follow = (): void => {
      model.setDefaults(samplingOf(settings.composite));
    };
    settings.changed.connect(follow);
    follow();
  }
}
