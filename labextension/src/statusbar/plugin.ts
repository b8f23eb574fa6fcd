import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { CommandIDs } from '../commands';
import { IModelManager } from '../tokens';
import { ModelsStatus } from './item';

export const statusPlugin: JupyterFrontEndPlugin<void> = {
  id: '@jupyter-llm/labextension:status',
  description: 'Shows the loaded models in the status bar.',
  autoStart: true,
  requires: [IModelManager],
  optional: [IStatusBar, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    manager: IModelManager,
    statusBar: IStatusBar | null,
    translator: ITranslator | null
  ) => {
    if (!statusBar) {
      return;
    }
    const item = new ModelsStatus({
      manager,
      trans: (translator ?? nullTranslator).load('jupyter_llm'),
      onOpen: () => void app.commands.execute(CommandIDs.showPanel)
    });
    statusBar.registerStatusItem(statusPlugin.id, {
      item,
      align: 'left',
      rank: 50,
      // where the window is narrow, JupyterLab leaves it out
      priority: 0,
      isActive: () => item.isActive,
      activeStateChanged: item.isActiveChanged
    });
    void app.restored.then(() => {
      watchWhereServed(manager);
    });
  }
};

/** Follow the server from now on, unless it turns out not to run the extension. */
function watchWhereServed(manager: IModelManager): void {
  const watch = manager.watch();
  const stopIfMissing = (): void => {
    if (manager.snapshot.problem === 'missing') {
      manager.changed.disconnect(stopIfMissing);
      watch.dispose();
    }
  };
  manager.changed.connect(stopIfMissing);
}
