import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';

import { eventSocketOpener } from '../events';
import { Requests } from '../requests';
import { RestAPI } from '../restapi';
import { IModelManager } from '../tokens';
import { ModelManager } from './manager';

/** Knows the models of the server, for all other plugins. */
export const managerPlugin: JupyterFrontEndPlugin<IModelManager> = {
  id: '@jupyter-llm/labextension:manager',
  description: 'Knows the language models of the notebook server.',
  autoStart: true,
  provides: IModelManager,
  activate: ({ serviceManager }: JupyterFrontEnd) => {
    const { serverSettings } = serviceManager;
    return new ModelManager(
      new RestAPI(new Requests(serverSettings)),
      eventSocketOpener(serverSettings)
    );
  }
};
