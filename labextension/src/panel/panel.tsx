import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import type { IDisposable } from '@lumino/disposable';
import * as React from 'react';

import type { IModelManager } from '../tokens';
import { llmIcon } from './icon';
import { ModelsView } from './view';

export interface IModelsPanelOptions {
  manager: IModelManager;
  trans: TranslationBundle;
  /** Put an example that asks this model into a notebook. */
  onTry: (modelId: string) => void;
}

/** The side panel; while it is visible the manager keeps its snapshot fresh. */
export class ModelsPanel extends ReactWidget {
  constructor(private readonly options: IModelsPanelOptions) {
    super();
    this.id = 'jp-llm-models';
    this.addClass('jp-LLM-panel');
    this.title.icon = llmIcon;
    this.title.caption = options.trans.__('Language Models');
  }

  override dispose(): void {
    this.watch?.dispose();
    super.dispose();
  }

  protected override onAfterShow(): void {
    this.watch ??= this.options.manager.watch();
  }

  protected override onAfterHide(): void {
    this.watch?.dispose();
    this.watch = null;
  }

  protected override render(): React.JSX.Element {
    const { manager, trans, onTry } = this.options;
    return (
      <UseSignal signal={manager.changed} initialArgs={manager.snapshot}>
        {() => (
          <ModelsView
            snapshot={manager.snapshot}
            trans={trans}
            onLoad={modelId => void manager.load(modelId)}
            onUnload={modelId => void manager.unload(modelId)}
            onRefresh={() => void manager.refresh()}
            onTry={onTry}
          />
        )}
      </UseSignal>
    );
  }

  private watch: IDisposable | null = null;
}
