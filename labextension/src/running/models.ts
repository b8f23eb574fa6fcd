import type { IRunningSessions } from '@jupyterlab/running';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { LabIcon } from '@jupyterlab/ui-components';
import { type ISignal, Signal } from '@lumino/signaling';

import { formatBytes } from '../panel/format';
import type { IModelManager } from '../tokens';
import type { IModelStatus, ModelState } from '../types';
import { bytesOf, inMemory } from './loaded';

export interface IRunningModelsOptions {
  manager: IModelManager;
  trans: TranslationBundle;
  icon: LabIcon;
  /** Show the panel of models. */
  onOpen: () => void;
}

/** The models in memory, as a section of JupyterLab's list of what runs. */
export class RunningModels implements IRunningSessions.IManager {
  constructor(private readonly options: IRunningModelsOptions) {
    const { manager, trans } = options;
    this.name = trans.__('Language Models');
    this.shutdownLabel = trans.__('Unload');
    this.shutdownAllLabel = trans.__('Unload All');
    this.shutdownAllConfirmationText = trans.__(
      'Unload every language model of this server? Answers that are being written end.'
    );
    manager.changed.connect(this.onSnapshot);
  }

  readonly name: string;
  readonly shutdownLabel: string;
  readonly shutdownAllLabel: string;
  readonly shutdownAllConfirmationText: string;
  readonly supportsMultipleViews = false;

  get runningChanged(): ISignal<this, void> {
    return this.signal;
  }

  running(): IRunningSessions.IRunningItem[] {
    return inMemory(this.options.manager.snapshot).map(status =>
      this.itemOf(status)
    );
  }

  shutdownAll(): void {
    for (const { model, state } of inMemory(this.options.manager.snapshot)) {
      if (state !== 'unloading') {
        void this.options.manager.unload(model.id);
      }
    }
  }

  refreshRunning(): void {
    void this.options.manager.refresh();
  }

  private itemOf(status: IModelStatus): IRunningSessions.IRunningItem {
    const { manager, trans, icon, onOpen } = this.options;
    const { id, engine, path } = status.model;
    return {
      icon: () => icon,
      label: () => id,
      labelTitle: () => `${id}\n${[engine, path].filter(Boolean).join(' ')}`,
      detail: () => detailOf(status, trans),
      context: 'jp-llm-model',
      open: onOpen,
      ...(status.state !== 'unloading' && {
        shutdown: () => void manager.unload(id)
      })
    };
  }

  /**
   * JupyterLab draws the whole list anew at each signal, and its items listen for ever:
   * so it hears of nothing but what it shows.
   */
  private readonly onSnapshot = (): void => {
    const shown = inMemory(this.options.manager.snapshot)
      .map(
        status => `${status.model.id}\n${detailOf(status, this.options.trans)}`
      )
      .join('\n');
    if (shown !== this.shown) {
      this.shown = shown;
      this.signal.emit();
    }
  };

  private shown = '';
  private readonly signal = new Signal<this, void>(this);
}

/** The memory that a model takes, or where it is on its way; empty for one without weights. */
function detailOf(status: IModelStatus, trans: TranslationBundle): string {
  const words: Partial<Record<ModelState, string>> = {
    queued: trans.__('waiting'),
    loading: trans.__('loading'),
    unloading: trans.__('unloading')
  };
  const bytes = bytesOf(status);
  return words[status.state] ?? (bytes > 0 ? formatBytes(bytes) : '');
}
