import { UUID } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

import { newAnswer } from './answer';
import {
  answeredBy,
  asked,
  askedAgain,
  edited,
  merged,
  newConversation,
  questionOf,
  runningAnswers
} from './conversation';
import type { IChatAPI } from './restapi';
import { AnswerRuns } from './runs';
import type { IChatState } from './state';
import type { IChatStore } from './store';
import {
  type Change,
  type IAnswer,
  type IContextItem,
  type IConversation,
  type IQuestion,
  type ISampling,
  type ISummary,
  SERVER_DEFAULTS
} from './tokens';
import { chatBody } from './wire';

export interface IChatModelOptions {
  api: IChatAPI;
  openStore: () => Promise<IChatStore>;
  /** Remembers which conversation is open in this tab. */
  place: { get: () => string; set: (id: string) => void };
}

/** The conversations of this user: what is said, stored, and on its way. */
export class ChatModel implements IDisposable {
  constructor(private readonly options: IChatModelOptions) {
    this.runs = new AnswerRuns(options.api, {
      show: (id, change) => {
        this.present(id, change);
      },
      keep: (id, change) => this.keep(id, change),
      onConnection: isLost => {
        this.publish({ isReconnecting: isLost });
      }
    });
  }

  get state(): IChatState {
    return this.current;
  }

  get changed(): ISignal<ChatModel, IChatState> {
    return this.signal;
  }

  get isDisposed(): boolean {
    return this.disposed;
  }

  dispose(): void {
    this.disposed = true;
    this.runs.dispose();
    this.store?.close();
    Signal.clearData(this);
  }

  /** Read what is stored, and go on with what was on its way. */
  start(): Promise<void> {
    this.started ??= this.begin();
    return this.started;
  }

  /** How conversations begin from now on. */
  setDefaults(sampling: ISampling): void {
    this.defaults = sampling;
    if (this.current.conversation.messages.length === 0) {
      this.show({ ...this.current.conversation, sampling });
    }
  }

  /** Begin a conversation; it is stored with its first question. */
  create(modelId = this.current.conversation.modelId): void {
    this.show(this.fresh(modelId));
  }

  async open(id: string): Promise<void> {
    const conversation = await this.store?.read(id);
    if (conversation) {
      this.show(conversation);
      this.runs.followAll(conversation);
    }
  }

  async rename(id: string, title: string): Promise<void> {
    const name = title.trim();
    if (name) {
      await this.apply(id, before => before && { ...before, title: name });
    }
  }

  /** Delete a conversation and stop what is on its way in it. */
  async remove(id: string): Promise<void> {
    const conversation = await this.store?.read(id);
    await this.apply(id, () => null);
    for (const answer of conversation ? runningAnswers(conversation) : []) {
      await this.runs.halt(answer);
    }
  }

  setModel(modelId: string): Promise<void> {
    return this.decide({ modelId });
  }

  setSampling(sampling: ISampling): Promise<void> {
    return this.decide({ sampling });
  }

  /** Let something go with the next question, in the place of what has the same title. */
  attach(item: IContextItem): void {
    const others = this.current.attached.filter(
      ({ title, origin }) => title !== item.title || origin !== item.origin
    );
    this.publish({ attached: [...others, item] });
  }

  detach(itemId: string): void {
    const attached = this.current.attached.filter(({ id }) => id !== itemId);
    this.publish({ attached });
  }

  /** Ask a question, with what is attached. */
  async send(text: string): Promise<void> {
    await this.start();
    const question = newQuestion(text, this.current.attached);
    this.publish({ attached: [] });
    const answer = this.freshAnswer();
    const { conversation } = this.current;
    await this.ask(asked(conversation, question, answer, Date.now()), answer);
  }

  /** Ask the question of this answer again; what came after it is gone. */
  regenerate(answerId: string): Promise<void> {
    const { conversation } = this.current;
    if (!questionOf(conversation, answerId)) {
      return Promise.resolve();
    }
    const answer = this.freshAnswer();
    const after = askedAgain(conversation, answerId, answer, Date.now());
    return this.ask(after, answer);
  }

  /** Ask a question in other words; what came after it is gone. */
  edit(question: IQuestion, text: string): Promise<void> {
    const { conversation } = this.current;
    const next = newQuestion(text, question.context);
    const answer = this.freshAnswer();
    return this.ask(
      edited(conversation, question.id, next, answer, Date.now()),
      answer
    );
  }

  /** Stop what is on its way in the open conversation, whichever page asked for it. */
  async stop(): Promise<void> {
    const { conversation } = this.current;
    for (const answer of runningAnswers(conversation)) {
      // stored first: another page that follows it must not take the end for a failure
      await this.apply(
        conversation.id,
        answeredBy({ ...answer, state: 'stopped' })
      );
      await this.runs.halt(answer);
    }
  }

  private async begin(): Promise<void> {
    const store = await this.options.openStore();
    if (this.disposed) {
      store.close();
      return;
    }
    this.store = store;
    store.changedElsewhere.connect((_, id) => void this.reread(id));
    const summaries = await store.list();
    const isSaved = ({ id }: ISummary): boolean =>
      id === this.options.place.get();
    const last = summaries.find(isSaved);
    const isEmpty = this.current.conversation.messages.length === 0;
    this.publish({ isReady: true, isLasting: store.isLasting, summaries });
    if (last && isEmpty) {
      await this.open(last.id);
    }
  }

  private async ask(
    conversation: IConversation,
    answer: IAnswer
  ): Promise<void> {
    const body = chatBody(conversation, answer.streamId);
    const replaced = runningAnswers(this.current.conversation);
    await this.apply(conversation.id, () => conversation);
    for (const former of replaced) {
      if (former.id !== answer.id) {
        await this.runs.halt(former);
      }
    }
    this.runs.follow(conversation.id, answer, body);
  }

  /** Change the conversation that is open; an empty one is not stored. */
  private async decide(
    choice: Partial<Pick<IConversation, 'modelId' | 'sampling'>>
  ): Promise<void> {
    const { conversation } = this.current;
    if (conversation.messages.length === 0) {
      this.show({ ...conversation, ...choice });
    } else {
      await this.apply(
        conversation.id,
        before => before && { ...before, ...choice }
      );
    }
  }

  /** Change a conversation on the screen at once, and then in the store. */
  private async apply(id: string, change: Change): Promise<void> {
    this.present(id, change);
    await this.keep(id, change);
    await this.relist();
  }

  /** Store a change; where the browser will not, say that it is not kept. */
  private async keep(id: string, change: Change): Promise<void> {
    if (!this.disposed) {
      try {
        await this.store?.update(id, change);
      } catch {
        this.publish({ isLasting: false });
      }
    }
  }

  private present(id: string, change: Change): void {
    if (this.current.conversation.id !== id) {
      return;
    }
    const after = change(this.current.conversation);
    if (after) {
      this.show(after);
    } else {
      this.create();
    }
  }

  /** Another page has changed a conversation. */
  private async reread(id: string): Promise<void> {
    await this.relist();
    if (this.current.conversation.id !== id) {
      return;
    }
    const stored = (await this.store?.read(id)) ?? null;
    this.present(id, here => stored && here && merged(stored, here));
    if (stored) {
      this.runs.leaveEnded(stored);
      this.runs.followAll(stored);
    }
  }

  private async relist(): Promise<void> {
    const summaries = await this.store?.list();
    if (summaries) {
      this.publish({ summaries });
    }
  }

  private show(conversation: IConversation): void {
    // until what was open before has been looked for, it must not be forgotten
    if (this.current.isReady && conversation.id !== this.placed) {
      this.placed = conversation.id;
      this.options.place.set(conversation.id);
    }
    this.publish({ conversation });
  }

  private publish(news: Partial<IChatState>): void {
    if (!this.disposed) {
      this.current = { ...this.current, ...news };
      this.signal.emit(this.current);
    }
  }

  private fresh(modelId: string): IConversation {
    const options = { modelId, sampling: this.defaults };
    return newConversation(UUID.uuid4(), options);
  }

  private freshAnswer(): IAnswer {
    return newAnswer(UUID.uuid4(), this.current.conversation.modelId);
  }

  private readonly signal = new Signal<ChatModel, IChatState>(this);
  private readonly runs: AnswerRuns;
  /** The conversation that is open after a reload. */
  private placed = '';
  private disposed = false;
  private started: Promise<void> | undefined;
  private store: IChatStore | undefined;
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

function newQuestion(
  text: string,
  context: readonly IContextItem[]
): IQuestion {
  return { role: 'user', id: UUID.uuid4(), text, context };
}
