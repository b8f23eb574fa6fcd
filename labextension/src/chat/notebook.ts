import { PathExt } from '@jupyterlab/coreutils';
import {
  type INotebookTracker,
  NotebookActions,
  type NotebookPanel
} from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import { type ISignal, Signal } from '@lumino/signaling';

import { cellsItem, type ICellText, namesIn, variableItem } from './excerpt';
import type { CodePlace, IContextItem } from './tokens';

const INSPECT_TIMEOUT_MS = 5000;
const MAX_NAMES = 200;

/** What the chat knows of the notebook that was used last. */
export interface INotebookInfo {
  /** Its name; empty if none is open. */
  readonly name: string;
  readonly numSelected: number;
  /** Whether there is a kernel that can be asked for a variable. */
  readonly hasKernel: boolean;
}

export const NO_NOTEBOOK: INotebookInfo = {
  name: '',
  numSelected: 0,
  hasKernel: false
};

/** The notebook that was used last: a source of context, and a place for code. */
export class NotebookSide {
  constructor(
    private readonly tracker: INotebookTracker | null,
    private readonly trans: TranslationBundle
  ) {
    tracker?.currentChanged.connect(this.tell, this);
    tracker?.selectionChanged.connect(this.tell, this);
    tracker?.activeCellChanged.connect(this.tell, this);
  }

  get changed(): ISignal<NotebookSide, void> {
    return this.signal;
  }

  get info(): INotebookInfo {
    const panel = this.tracker?.currentWidget;
    if (!panel) {
      return NO_NOTEBOOK;
    }
    return {
      name: nameOf(panel),
      numSelected: selectedCells(panel).length,
      hasKernel: panel.sessionContext.session?.kernel !== undefined
    };
  }

  dispose(): void {
    this.tracker?.currentChanged.disconnect(this.tell, this);
    this.tracker?.selectionChanged.disconnect(this.tell, this);
    this.tracker?.activeCellChanged.disconnect(this.tell, this);
    Signal.clearData(this);
  }

  /** The selected cells, with their output; `null` if there are none. */
  cells(): IContextItem | null {
    const panel = this.tracker?.currentWidget;
    const cells = panel ? selectedCells(panel) : [];
    if (!panel || cells.length === 0) {
      return null;
    }
    const { trans } = this;
    const [first] = cells;
    const title =
      cells.length > 1
        ? trans.__('%1 cells', cells.length)
        : trans.__('Cell %1', first?.number ?? 1);
    return cellsItem(cells, nameOf(panel), languageOf(panel), title);
  }

  /** Names that the code of the notebook gives a value to. */
  variableNames(): string[] {
    const panel = this.tracker?.currentWidget;
    const code = (panel?.content.widgets ?? [])
      .filter(({ model }) => model.type === 'code')
      .map(({ model }) => model.sharedModel.getSource());
    return [...new Set(code.flatMap(namesIn))].sort().slice(0, MAX_NAMES);
  }

  /**
   * What the kernel knows of a variable.
   *
   * It is inspected, not executed, and what comes of it is bounded. Rejects with words
   * for the user.
   */
  async variable(name: string): Promise<IContextItem> {
    const panel = this.tracker?.currentWidget;
    const kernel = panel?.sessionContext.session?.kernel;
    const { trans } = this;
    if (!panel || !kernel) {
      throw new Error(trans.__('Open a notebook with a running kernel first.'));
    }
    const asked = kernel.requestInspect({
      code: name,
      cursor_pos: name.length,
      detail_level: 0
    });
    const reply = await withTimeout(
      asked,
      trans.__('The kernel is busy. Try again when it is idle.')
    );
    const { content } = reply;
    const text =
      content.status === 'ok' && content.found
        ? content.data['text/plain']
        : '';
    if (typeof text !== 'string' || !text) {
      throw new Error(trans.__('The kernel knows no variable "%1".', name));
    }
    return variableItem(name, text, nameOf(panel));
  }

  /** Put code into the notebook; says whether there is one. */
  insert(code: string, place: CodePlace): boolean {
    const panel = this.tracker?.currentWidget;
    if (!panel) {
      return false;
    }
    const { content } = panel;
    if (place === 'above') {
      NotebookActions.insertAbove(content);
    } else if (place === 'below') {
      NotebookActions.insertBelow(content);
    }
    content.activeCell?.model.sharedModel.setSource(code);
    return true;
  }

  private readonly tell = (): void => {
    this.signal.emit();
  };

  private readonly signal = new Signal<NotebookSide, void>(this);
}

function nameOf(panel: NotebookPanel): string {
  return PathExt.basename(panel.context.path);
}

function languageOf(panel: NotebookPanel): string {
  return panel.content.model?.defaultKernelLanguage ?? '';
}

function selectedCells(panel: NotebookPanel): ICellText[] {
  const { content } = panel;
  return content.widgets.flatMap((cell, place) =>
    content.isSelectedOrActive(cell) ? [cellText(cell, place + 1)] : []
  );
}

function cellText(
  { model }: NotebookPanel['content']['widgets'][number],
  number: number
): ICellText {
  const { outputs = [] } = model.toJSON() as { outputs?: IOutput[] };
  return {
    number,
    source: model.sharedModel.getSource(),
    output: outputs.map(textOf).filter(Boolean).join('\n')
  };
}

/** Of an output of a notebook what is read of it here. */
interface IOutput {
  text?: string | string[];
  data?: Record<string, unknown>;
  traceback?: string[];
}

function textOf({ text, data, traceback }: IOutput): string {
  const shown = text ?? traceback?.join('\n') ?? data?.['text/plain'];
  if (Array.isArray(shown)) {
    return shown.join('');
  }
  return typeof shown === 'string' ? shown : '';
}

function withTimeout<T>(promise: Promise<T>, message: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error(message));
    }, INSPECT_TIMEOUT_MS);
    promise.then(resolve, reject).finally(() => {
      clearTimeout(timer);
    });
  });
}
