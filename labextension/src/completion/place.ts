import { DocumentWidget } from '@jupyterlab/docregistry';
import { NotebookPanel } from '@jupyterlab/notebook';
import { DisposableDelegate, type IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import type { Widget } from '@lumino/widgets';

import type { INeighbours } from './context';

/** A text that can be typed into. */
interface ITyped {
  readonly changed: ISignal<unknown, { sourceChange?: unknown }>;
}

/** The code in the cells before and behind the active one; none in what is no notebook. */
export function neighboursIn(widget: Widget): INeighbours {
  const cells =
    widget instanceof NotebookPanel
      ? widget.content.model?.sharedModel.cells
      : [];
  const active =
    widget instanceof NotebookPanel ? widget.content.activeCellIndex : 0;
  const code = (from: number, to?: number): string[] =>
    (cells ?? [])
      .slice(from, to)
      .filter(cell => cell.cell_type === 'code')
      .map(cell => cell.getSource())
      .filter(source => source.trim() !== '');
  return { before: code(0, active), behind: code(active + 1) };
}

/** Call back at the next change of the text with the cursor in it, until disposed. */
export function onTyping(widget: Widget, callback: () => void): IDisposable {
  const typed = typedIn(widget);
  const listen = (_: unknown, change: { sourceChange?: unknown }): void => {
    if (change.sourceChange) {
      callback();
    }
  };
  typed?.changed.connect(listen);
  return new DisposableDelegate(() => {
    typed?.changed.disconnect(listen);
  });
}

function typedIn(widget: Widget): ITyped | null {
  if (widget instanceof NotebookPanel) {
    return widget.content.activeCell?.model.sharedModel ?? null;
  }
  return isDocument(widget)
    ? (widget.context.model.sharedModel as ITyped)
    : null;
}

function isDocument(widget: Widget): widget is DocumentWidget {
  return widget instanceof DocumentWidget;
}
