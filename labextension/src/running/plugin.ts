import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { IRunningSessionManagers } from '@jupyterlab/running';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { CommandIDs } from '../commands';
import { llmIcon } from '../panel/icon';
import { IModelManager } from '../tokens';
import { RunningModels } from './models';

export const runningPlugin: JupyterFrontEndPlugin<void> = {
  id: '@jupyter-llm/labextension:running',
  description:
    'Lists the loaded models with the kernels and terminals that run.',
  autoStart: true,
  requires: [IModelManager],
  optional: [IRunningSessionManagers, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    manager: IModelManager,
    sections: IRunningSessionManagers | null,
    translator: ITranslator | null
  ) => {
    if (!sections) {
      return;
    }
    const section = new RunningModels({
      manager,
      trans: (translator ?? nullTranslator).load('jupyter_llm'),
      icon: llmIcon,
      onOpen: () => void app.commands.execute(CommandIDs.showPanel)
    });
    // who may not unload gets no section: its button to unload all cannot be left out
    const addOnce = (): void => {
      if (manager.snapshot.permissions.write) {
        manager.changed.disconnect(addOnce);
        sections.add(section);
      }
    };
    manager.changed.connect(addOnce);
    addOnce();
  }
};
