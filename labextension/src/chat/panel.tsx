import { Clipboard } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { IDisposable } from '@lumino/disposable';
import type { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import * as React from 'react';
import { flushSync } from 'react-dom';

import type { IModelManager } from '../tokens';
import { announcementOf } from './announce';
import type { CodeAction } from './codebar';
import { ChatView, type IChatActions } from './components/view';
import type { MarkdownDrawer } from './draw';
import { FocusedRef } from './focused';
import { FrameDrawer } from './frames';
import { chatIcon } from './icons';
import type { ChatModel } from './model';
import { modelChoices, preferredModel } from './models';
import type { NotebookSide } from './notebook';
import { QueuePlaces } from './queue';
import { obstacleOf } from './remedy';

export interface IChatPanelOptions {
  model: ChatModel;
  manager: IModelManager;
  notebook: NotebookSide;
  drawer: MarkdownDrawer;
  onShowModels: () => void;
  trans: TranslationBundle;
}

/** The chat; it asks the server for nothing before it is shown. */
export class ChatPanel extends ReactWidget {
  constructor(private readonly options: IChatPanelOptions) {
    super();
    this.id = 'jp-llm-chat';
    this.addClass('jp-LLM-chat');
    this.title.icon = chatIcon;
    this.title.caption = options.trans.__('Chat with a Language Model');
    const { model, manager, notebook } = options;
    this.lastConversation = model.state.conversation;
    this.places = new QueuePlaces(manager);
    model.changed.connect(this.announce, this);
    model.changed.connect(this.redraw, this);
    manager.changed.connect(this.redraw, this);
    notebook.changed.connect(this.redraw, this);
  }

  override dispose(): void {
    this.watch?.dispose();
    this.options.manager.changed.disconnect(this.redraw, this);
    this.options.model.dispose();
    this.options.notebook.dispose();
    super.dispose();
  }

  /** Begin a conversation with this model. */
  chatWith(modelId: string): void {
    this.options.model.create(modelId);
  }

  /** Begin a conversation. */
  startOver(): void {
    this.options.model.create();
  }

  /** Attach the selected cells; says whether there are any. */
  attachCells(): boolean {
    const item = this.options.notebook.cells();
    if (item) {
      this.options.model.attach(item);
    }
    return item !== null;
  }

  protected override onAfterShow(): void {
    const { model, manager, drawer } = this.options;
    this.watch ??= manager.watch();
    this.isShown = true;
    void model.start();
    void drawer.warmUp();
    this.update();
  }

  protected override onAfterHide(): void {
    this.watch?.dispose();
    this.watch = undefined;
  }

  protected override onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    this.input.focus();
  }

  protected override render(): React.JSX.Element | null {
    if (!this.isShown) {
      return null;
    }
    const { model, manager, notebook, drawer, trans } = this.options;
    const { snapshot } = manager;
    const models = modelChoices(snapshot);
    const { execute, write } = snapshot.permissions;
    return (
      <div
        className="jp-LLM-chat-body"
        onKeyDown={event => {
          if (event.key === 'Escape') {
            void model.stop();
          }
        }}
      >
        <ChatView
          state={model.state}
          models={models}
          placeOf={answer => this.places.of(answer)}
          modelId={this.modelId}
          mayExecute={execute}
          mayWrite={write}
          obstacle={obstacleOf(snapshot, models.length, execute, trans)}
          notebook={notebook.info}
          announcement={this.announcement}
          inputRef={this.input}
          actions={this.actions}
          drawer={drawer}
          trans={trans}
        />
      </div>
    );
  }

  /** The model of the conversation, or the one to begin with. */
  private get modelId(): string {
    const { model, manager } = this.options;
    return (
      model.state.conversation.modelId ||
      preferredModel(modelChoices(manager.snapshot))
    );
  }

  private readonly actions: IChatActions = {
    onSend: text => void this.send(text),
    onStop: () => void this.options.model.stop(),
    onRegenerate: answerId => void this.options.model.regenerate(answerId),
    onEdit: (question, text) => void this.options.model.edit(question, text),
    onNew: () => {
      this.options.model.create();
    },
    onOpen: id => void this.options.model.open(id),
    onRename: (id, title) => void this.options.model.rename(id, title),
    onRemove: id => void this.options.model.remove(id),
    onModel: modelId => void this.options.model.setModel(modelId),
    onLoad: modelId => void this.options.manager.load(modelId),
    onShowModels: () => {
      this.options.onShowModels();
    },
    onSampling: sampling => void this.options.model.setSampling(sampling),
    onAttachCells: () => {
      this.attachCells();
    },
    onAttachVariable: name => this.attachVariable(name),
    variableNames: () => this.options.notebook.variableNames(),
    onDetach: itemId => {
      this.options.model.detach(itemId);
    },
    onCopy: text => {
      this.copy(text);
    },
    onCode: (action, code) => {
      this.useCode(action, code);
    }
  };

  private async send(text: string): Promise<void> {
    const { model } = this.options;
    await model.setModel(this.modelId);
    await model.send(text);
  }

  private async attachVariable(name: string): Promise<string> {
    try {
      this.options.model.attach(await this.options.notebook.variable(name));
      return '';
    } catch (reason) {
      return reason instanceof Error ? reason.message : String(reason);
    }
  }

  private copy(text: string): void {
    Clipboard.copyToSystem(text);
    this.say(this.options.trans.__('Copied'));
  }

  private useCode(action: CodeAction, code: string): void {
    const { notebook, trans } = this.options;
    if (action === 'copy') {
      this.copy(code);
    } else if (notebook.insert(code, action)) {
      this.say(trans.__('Put into %1', notebook.info.name));
    } else {
      this.copy(code);
      this.say(trans.__('No notebook is open. The code is copied instead.'));
    }
  }

  private say(text: string): void {
    this.announcement = text;
    this.update();
  }

  private readonly announce = (): void => {
    const { conversation } = this.options.model.state;
    const news = announcementOf(
      this.lastConversation,
      conversation,
      this.options.trans
    );
    this.lastConversation = conversation;
    this.announcement = news || this.announcement;
  };

  private readonly redraw = (): void => {
    if (this.isVisible && this.hasBegunToAnswer()) {
      // the first word is not to wait for what else there is to do
      this.frames.now();
    } else {
      this.frames.soon();
    }
  };

  private readonly frames = new FrameDrawer(() => {
    if (this.isVisible) {
      flushSync(() => {
        this.onUpdateRequest(Widget.Msg.UpdateRequest);
      });
    }
  });

  /** Whether an answer has its first words; true once for each. */
  private hasBegunToAnswer(): boolean {
    const last = this.options.model.state.conversation.messages.at(-1);
    if (last?.role !== 'assistant' || !last.text || last.id === this.begunId) {
      return false;
    }
    this.begunId = last.id;
    return last.state === 'running';
  }

  private readonly input = new FocusedRef<HTMLTextAreaElement>();
  private watch: IDisposable | undefined;
  private isShown = false;
  private readonly places: QueuePlaces;
  private begunId = '';
  private announcement = '';
  private lastConversation;
}
