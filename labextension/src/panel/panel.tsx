import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import type { IDisposable } from '@lumino/disposable';
import * as React from 'react';

import type { IModelManager } from '../tokens';
import type { ILoadOptions } from '../types';
import type { IPanelActions } from './actions';
import { llmIcon } from './icon';
import { PanelModel } from './model';
import type { IPanelSettings } from './settings';
import { PanelView } from './view';

export interface IModelsPanelOptions {
  manager: IModelManager;
  trans: TranslationBundle;
  /** Put an example that asks this model into a notebook. */
  onTry: (modelId: string) => void;
  /** Show what else can be done with this model, below a button. */
  onMenu: (modelId: string, button: HTMLElement) => void;
}

/** The side panel; while it is visible the manager keeps its snapshot fresh. */
export class ModelsPanel extends ReactWidget {
  constructor(private readonly options: IModelsPanelOptions) {
    super();
    this.id = 'jp-llm-models';
    this.addClass('jp-LLM-panel');
    this.title.icon = llmIcon;
    this.title.caption = options.trans.__('Language Models');
    this.model = new PanelModel(options.manager);
  }

  /** Follow what people decide in Lab's settings. */
  use(settings: IPanelSettings): void {
    this.model.use(settings);
  }

  /** Have the options chosen that a model is loaded with. */
  editOptions(modelId: string): void {
    this.model.openForm(modelId);
  }

  /** Show the search, ready to be typed into. */
  openSearch(): void {
    this.model.openSearch();
  }

  /** Load a model as the person's settings and what was saved for it say. */
  async load(modelId: string): Promise<void> {
    const request = await this.model.usualRequest(modelId);
    await this.options.manager.load(modelId, request);
  }

  override dispose(): void {
    this.watch?.dispose();
    this.model.dispose();
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
    const { manager, trans } = this.options;
    return (
      <UseSignal signal={manager.changed}>
        {() => (
          <UseSignal signal={this.model.stateChanged}>
            {() => (
              <PanelView
                snapshot={manager.snapshot}
                state={this.model}
                actions={this.actions}
                trans={trans}
              />
            )}
          </UseSignal>
        )}
      </UseSignal>
    );
  }

  private submit(
    modelId: string,
    request: Partial<ILoadOptions>,
    remember: boolean
  ): void {
    const { manager } = this.options;
    this.model.closeForm();
    if (remember) {
      void manager.saveOptions(modelId, request);
    }
    const entry = manager.snapshot.models.find(one => one.model.id === modelId);
    void (entry?.state === 'ready'
      ? manager.switchTo(modelId, request)
      : manager.load(modelId, request));
  }

  private readonly actions: IPanelActions = {
    onRefresh: () => void this.options.manager.refresh(),
    onLoad: modelId => void this.load(modelId),
    onUnload: modelId => void this.options.manager.unload(modelId),
    onKeepAlive: (modelId, seconds) =>
      void this.options.manager.keepAlive(modelId, seconds),
    onTry: modelId => {
      this.options.onTry(modelId);
    },
    onMenu: (modelId, button) => {
      this.options.onMenu(modelId, button);
    },
    onSubmitOptions: (modelId, request, remember) => {
      this.submit(modelId, request, remember);
    },
    onCloseOptions: () => {
      this.model.closeForm();
    },
    onDownload: (repoId, filename, load) =>
      void this.model.download(repoId, filename, load),
    onCancelDownload: id => void this.options.manager.cancelDownload(id),
    onSearch: text => {
      this.model.find(text);
    },
    onToggleRepo: repoId => {
      this.model.toggleRepo(repoId);
    },
    onSuggest: () => {
      this.model.suggest();
    },
    onOpenSearch: () => {
      this.openSearch();
    },
    onToggleSection: name => {
      this.model.toggle(name);
    }
  };

  private readonly model: PanelModel;
  private watch: IDisposable | null = null;
}
