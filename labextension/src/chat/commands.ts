import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { TranslationBundle } from '@jupyterlab/translation';

import { chatIcon } from './icons';
import type { ChatPanel } from './panel';

export namespace ChatCommandIDs {
  export const open = 'llm:open-chat';
  export const create = 'llm:new-chat';
  export const askAboutCells = 'llm:ask-about-cells';
}

const NO_ARGUMENTS = { args: { type: 'object', properties: {} } };

const ONE_MODEL = {
  args: {
    type: 'object',
    properties: {
      model: {
        type: 'string',
        description: 'The id of the model to begin a conversation with'
      }
    }
  }
};

/** Add the commands of the chat; returns their ids, for the palette. */
export function addChatCommands(
  { commands, shell }: JupyterFrontEnd,
  panel: ChatPanel,
  trans: TranslationBundle
): string[] {
  commands.addCommand(ChatCommandIDs.open, {
    label: ({ model }) =>
      model ? trans.__('Chat') : trans.__('Chat with a Language Model'),
    caption: trans.__('Show the chat'),
    icon: chatIcon,
    describedBy: ONE_MODEL,
    execute: ({ model }) => {
      if (typeof model === 'string') {
        panel.chatWith(model);
      }
      shell.activateById(panel.id);
    }
  });
  commands.addCommand(ChatCommandIDs.create, {
    label: trans.__('New Chat with a Language Model'),
    describedBy: NO_ARGUMENTS,
    execute: () => {
      panel.startOver();
      shell.activateById(panel.id);
    }
  });
  commands.addCommand(ChatCommandIDs.askAboutCells, {
    label: trans.__('Ask a Language Model About the Selected Cells'),
    icon: chatIcon,
    describedBy: NO_ARGUMENTS,
    execute: () => {
      panel.attachCells();
      shell.activateById(panel.id);
    }
  });
  return Object.values(ChatCommandIDs);
}
