import type { TranslationBundle } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';

import { addModelCommands } from '../modelcommands';
import { MODEL_MENU, ModelMenu } from '../panel/menu';
import type { PanelModel } from '../panel/model';
import type { IModelManager } from '../tokens';
import { PageTools } from './tools';

/** What the button of a model opens on the page: the menu that it has in JupyterLab. */
export function menuOpener(
  manager: IModelManager,
  state: PanelModel,
  trans: TranslationBundle
): (modelId: string, button: HTMLElement) => void {
  const commands = new CommandRegistry();
  addModelCommands(commands, {
    manager,
    panel: {
      load: modelId => state.load(modelId),
      editOptions: modelId => {
        state.openForm(modelId);
      }
    },
    tools: new PageTools(trans),
    choose: () => Promise.resolve(''), // the menu always names one
    trans
  });
  const menu = new ModelMenu({ commands });
  return (modelId, button) => {
    menu.open(MODEL_MENU, modelId, button);
  };
}
