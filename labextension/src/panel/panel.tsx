import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import type { IDisposable } from '@lumino/disposable';
import * as React from 'react';

import type { KeysModel } from '../keys/model';
import type { ServicesModel } from '../services/model';
import type { IModelManager } from '../tokens';
import type { ILabActions, IPanelActions } from './actions';
import { llmIcon } from './icon';
import { PanelModel } from './model';
import type { IPanelSettings } from './settings';
import { PanelView } from './view';
import { actionsOn } from './wiring';

export interface IModelsPanelOptions {
  manager: IModelManager;
  trans: TranslationBundle;
  lab: ILabActions;
  keys: KeysModel;
  services: ServicesModel;
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
    this.actions = actionsOn(options.manager, this.model, options.lab);
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
  load(modelId: string): Promise<void> {
    return this.model.load(modelId);
  }

  override dispose(): void {
    this.watch?.dispose();
    this.model.dispose();
    this.options.services.dispose();
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
    const { manager, keys, services, trans } = this.options;
    return (
      <UseSignal signal={manager.changed}>
        {() => (
          <UseSignal signal={this.model.stateChanged}>
            {() => (
              <PanelView
                snapshot={manager.snapshot}
                state={this.model}
                actions={this.actions}
                keys={keys}
                services={services}
                trans={trans}
              />
            )}
          </UseSignal>
        )}
      </UseSignal>
    );
  }

  private readonly actions: IPanelActions;
  private readonly model: PanelModel;
  private watch: IDisposable | null = null;
}
