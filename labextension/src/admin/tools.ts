import type { TranslationBundle } from '@jupyterlab/translation';

import type { IPageTools } from '../pagetools';

const TOLD_MS = 8000;

/** The dialogs and notices of a page that has no JupyterLab around it. */
export class PageTools implements IPageTools {
  constructor(private readonly trans: TranslationBundle) {}

  confirm(question: {
    title: string;
    body: string;
    accept: string;
  }): Promise<boolean> {
    const { title, body, accept } = question;
    return showDialog(title, body, {
      dismiss: this.trans.__('Cancel'),
      accept
    });
  }

  async refuse(title: string, reason: string): Promise<void> {
    await showDialog(title, reason, { dismiss: this.trans.__('Close') });
  }

  tell(text: string): void {
    const notice = create('p', 'jp-LLM-admin-notice', text);
    this.notices ??= this.addNotices();
    this.notices.append(notice);
    setTimeout(() => {
      notice.remove();
    }, TOLD_MS);
  }

  copy(text: string): void {
    const onCopy = (event: ClipboardEvent): void => {
      event.clipboardData?.setData('text/plain', text);
      event.preventDefault();
    };
    document.addEventListener('copy', onCopy, { once: true });
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- pages of plain HTTP have no other
    document.execCommand('copy');
    document.removeEventListener('copy', onCopy);
    this.tell(this.trans.__('Copied: %1', text));
  }

  /** A place that a screen reader listens to has to be there before anything is said. */
  private addNotices(): HTMLElement {
    const notices = create('div', 'jp-LLM-admin-notices');
    notices.setAttribute('role', 'status');
    document.body.append(notices);
    return notices;
  }

  private notices: HTMLElement | undefined;
}

/** Resolves to whether it was accepted; Escape dismisses it. */
function showDialog(
  title: string,
  body: string,
  labels: { dismiss: string; accept?: string }
): Promise<boolean> {
  const dialog = create('dialog', 'jp-LLM-admin-dialog');
  dialog.setAttribute('aria-label', title);
  const buttons = create('div', 'jp-LLM-actions');
  const add = (label: string, value: string): void => {
    const button = create('button', 'jp-LLM-button', label);
    button.addEventListener('click', () => {
      dialog.close(value);
    });
    buttons.append(button);
  };
  add(labels.dismiss, '');
  if (labels.accept) {
    add(labels.accept, 'accepted');
  }
  dialog.append(create('h2', '', title), create('p', '', body), buttons);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise(resolve => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'accepted');
    });
  });
}

function create<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  className: string,
  text = ''
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}
