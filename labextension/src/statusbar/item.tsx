import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import { type ISignal, Signal } from '@lumino/signaling';
import * as React from 'react';

import { llmIcon } from '../panel/icon';
import type { IModelManager } from '../tokens';
import { type ISummary, summarize } from './summary';

export interface IModelsStatusOptions {
  manager: IModelManager;
  trans: TranslationBundle;
  /** Show the panel of models. */
  onOpen: () => void;
}

/** The models in memory in one line of the status bar. */
export class ModelsStatus extends ReactWidget {
  constructor(private readonly options: IModelsStatusOptions) {
    super();
    this.addClass('jp-LLM-status');
    this.options.manager.changed.connect(this.onSnapshot);
  }

  /** Whether there is something to show. */
  get isActive(): boolean {
    return this.summary !== null;
  }

  get isActiveChanged(): ISignal<this, void> {
    return this.signal;
  }

  protected override render(): React.JSX.Element | null {
    const { trans, onOpen } = this.options;
    if (!this.summary) {
      return null;
    }
    const { text, title } = this.summary;
    return (
      <button
        className="jp-LLM-status-button"
        aria-label={trans.__('Language models: %1', text)}
        title={title}
        onClick={onOpen}
      >
        <llmIcon.react tag="span" stylesheet="statusBar" />
        <span>{text}</span>
      </button>
    );
  }

  private readonly onSnapshot = (): void => {
    const { manager, trans } = this.options;
    const wasActive = this.isActive;
    this.summary = summarize(manager.snapshot, trans);
    if (wasActive !== this.isActive) {
      this.signal.emit();
    }
    this.update();
  };

  private summary: ISummary | null = null;
  private readonly signal = new Signal<this, void>(this);
}
