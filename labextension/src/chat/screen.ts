import { UUID } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

import { newConversation } from './conversation';
import type { IChatState } from './state';
import {
  type Change,
  type IConversation,
  type ISampling,
  SERVER_DEFAULTS
} from './tokens';

/** Remembers which conversation is open in this tab. */
export interface IPlace {
  get: () => string;
  set: (id: string) => void;
}

/** What this page shows of the chat: one state, and in it the conversation that is open. */
export class Screen implements IDisposable {
  constructor(private readonly place: IPlace) {}

  get state(): IChatState {
    return this.current;
  }

  get changed(): ISignal<Screen, IChatState> {
    return this.signal;
  }

  get isDisposed(): boolean {
    return this.disposed;
  }

  dispose(): void {
    this.disposed = true;
    Signal.clearData(this);
  }

  publish(news: Partial<IChatState>): void {
    if (!this.disposed) {
      this.current = { ...this.current, ...news };
      this.signal.emit(this.current);
    }
  }

  /** How conversations begin from now on. */
  setDefaults(sampling: ISampling): void {
    this.defaults = sampling;
    if (this.current.conversation.messages.length === 0) {
      this.show({ ...this.current.conversation, sampling });
    }
  }

  /** Begin a conversation. */
  create(modelId: string): void {
    this.show(this.fresh(modelId));
  }

  show(conversation: IConversation): void {
    // until what was open before has been looked for, it must not be forgotten
    if (this.current.isReady && conversation.id !== this.placed) {
      this.placed = conversation.id;
      this.place.set(conversation.id);
    }
    this.publish({ conversation });
  }

  /** Show a change of a conversation, if that is the one that is open. */
  present(id: string, change: Change): void {
    if (this.current.conversation.id !== id) {
      return;
    }
    const after = change(this.current.conversation);
    if (after) {
      this.show(after);
    } else {
      this.create(this.current.conversation.modelId);
    }
  }

  private fresh(modelId: string): IConversation {
    const options = { modelId, sampling: this.defaults };
    return newConversation(UUID.uuid4(), options);
  }

  private readonly signal = new Signal<Screen, IChatState>(this);
  /** The conversation that is open after a reload. */
  private placed = '';
  private disposed = false;
  private defaults = SERVER_DEFAULTS;
  private current: IChatState = {
    isReady: false,
    isLasting: true,
    summaries: [],
    conversation: this.fresh(''),
    attached: [],
    isReconnecting: false
  };
}
