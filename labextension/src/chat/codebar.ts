import type { TranslationBundle } from '@jupyterlab/translation';
import {
  addAboveIcon,
  addBelowIcon,
  copyIcon,
  type LabIcon
} from '@jupyterlab/ui-components';

import { replaceIcon } from './icons';
import type { CodePlace } from './tokens';

export type CodeAction = CodePlace | 'copy';

export const CODE_CLASS = 'jp-LLM-code';

/** Puts a bar above each code block: its language and, once it is finished, its buttons. */
export function addCodeBars(
  host: HTMLElement,
  isOpen: boolean,
  trans: TranslationBundle
): void {
  for (const pre of host.querySelectorAll('pre')) {
    const frame = document.createElement('div');
    frame.className = CODE_CLASS;
    pre.replaceWith(frame);
    frame.append(bar(pre, isOpen, trans), pre);
    pre.tabIndex = 0; // long lines are scrolled by keyboard
    pre.setAttribute('role', 'group');
    pre.setAttribute('aria-label', trans.__('Code'));
  }
}

/** What the click of a button in a code bar asks for. */
export function codeActionOf(
  target: EventTarget | null
): { action: CodeAction; code: string; button: HTMLElement } | null {
  const button =
    target instanceof Element
      ? target.closest<HTMLElement>('button[data-llm-code]')
      : null;
  const code = button?.closest(`.${CODE_CLASS}`)?.querySelector('pre');
  const action = button?.dataset.llmCode as CodeAction | undefined;
  return button && code && action
    ? { action, code: (code.textContent ?? '').replace(/\n$/, ''), button }
    : null;
}

function bar(
  pre: HTMLPreElement,
  isOpen: boolean,
  trans: TranslationBundle
): HTMLElement {
  const element = document.createElement('div');
  element.className = 'jp-LLM-code-bar';
  const language = document.createElement('span');
  language.textContent = languageOf(pre) || trans.__('text');
  element.append(language);
  if (!isOpen) {
    const buttons: [CodeAction, LabIcon, string][] = [
      ['copy', copyIcon, trans.__('Copy code')],
      ['above', addAboveIcon, trans.__('Insert above the active cell')],
      ['below', addBelowIcon, trans.__('Insert below the active cell')],
      ['replace', replaceIcon, trans.__('Replace the active cell')]
    ];
    element.append(...buttons.map(button));
  }
  return element;
}

function button([action, icon, label]: [
  CodeAction,
  LabIcon,
  string
]): HTMLElement {
  const element = document.createElement('button');
  element.type = 'button';
  element.className = 'jp-LLM-icon-button';
  element.dataset.llmCode = action;
  element.title = label;
  element.setAttribute('aria-label', label);
  icon.element({ container: element, tag: 'span' });
  return element;
}

function languageOf(pre: HTMLPreElement): string {
  const code = pre.querySelector('code');
  return /(?:^|\s)language-(\S+)/.exec(code?.className ?? '')?.[1] ?? '';
}
