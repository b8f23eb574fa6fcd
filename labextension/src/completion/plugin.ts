import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ICompletionProviderManager } from '@jupyterlab/completer';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { llmIcon } from '../panel/icon';
import { Requests } from '../requests';
import { IModelManager } from '../tokens';
import { CompletionsAPI } from './api';
import { neighboursIn, onTyping } from './place';
import { CompletionProvider } from './provider';
import { toggleProvider } from './toggle';

const TOGGLE = 'llm:toggle-completion';

/** Code that a loaded model suggests while one types. */
export const completionPlugin: JupyterFrontEndPlugin<void> = {
  id: '@jupyter-llm/labextension:completion',
  description: 'Suggests what comes next in code, from a loaded model.',
  autoStart: true,
  requires: [IModelManager],
  optional: [
    ICompletionProviderManager,
    ISettingRegistry,
    ICommandPalette,
    ITranslator
  ],
  activate: (
    app: JupyterFrontEnd,
    manager: IModelManager,
    completions: ICompletionProviderManager | null,
    registry: ISettingRegistry | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('jupyter_llm');
    const { serverSettings } = app.serviceManager;
    const provider = new CompletionProvider({
      manager,
      api: new CompletionsAPI(new Requests(serverSettings)),
      icon: llmIcon,
      trans,
      neighboursIn,
      onTyping
    });
    completions?.registerInlineProvider(provider);
    if (!completions || !registry) {
      return;
    }
    app.commands.addCommand(TOGGLE, {
      label: trans.__('Suggest Code From a Loaded Model'),
      caption: trans.__(
        'Switch inline completions of language models on or off'
      ),
      describedBy: { args: { type: 'object', properties: {} } },
      isToggleable: true,
      isToggled: () => provider.isEnabled,
      execute: () => toggleProvider(registry, provider.identifier)
    });
    palette?.addItem({
      command: TOGGLE,
      category: trans.__('Language Models')
    });
  }
};
