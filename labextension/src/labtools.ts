import {
  Clipboard,
  Dialog,
  Notification,
  showDialog,
  showErrorMessage
} from '@jupyterlab/apputils';

import type { IPageTools } from './pagetools';

const TOLD_MS = 8000;

/** The dialogs, notifications and clipboard of JupyterLab. */
export const labTools: IPageTools = {
  confirm: async ({ title, body, accept }) => {
    const buttons = [
      Dialog.cancelButton(),
      Dialog.warnButton({ label: accept })
    ];
    const answer = await showDialog({ title, body, buttons, defaultButton: 0 });
    return answer.button.accept;
  },
  tell: text => {
    Notification.success(text, { autoClose: TOLD_MS });
  },
  refuse: (title, reason) => showErrorMessage(title, reason),
  copy: text => {
    Clipboard.copyToSystem(text);
  }
};
