import { UUID } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';

import { newAnswer } from './answer';
import { Archive } from './archive';
import {
  answeredBy,
  asked,
  askedAgain,
  edited,
  merged,
  newQuestion,
  questionOf,
  runningAnswers
} from './conversation';
import type { IChatAPI } from './restapi';
import { AnswerRuns } from './runs';
import { type IPlace, Screen } from './screen';
import type { IChatState } from './state';
import type { IChatStore } from './store';
import type {
  Change,
  IAnswer,
  IContextItem,
  IConversation,
  IQuestion,
  ISampling,
  ISummary
} from './tokens';
import { chatBody } from './wire';

export interface IChatModelOptions {
  api: IChatAPI;
  openStore: () => Promise<IChatStore>;
  place: IPlace;
}

/** The conversations of this user: what is said, stored, and on its way. */
export class ChatModel implements IDisposable {
  constructor(private readonly options: IChatModelOptions) {
    this.screen = new Screen(options.place);
    this.archive = new Archive(options.openStore, {
      onSummaries: summaries => {
        this.screen.publish({ summaries });
      },
      onChangedElsewhere: id => void this.reread(id),
      onForgetful: () => {
        this.screen.publish({ isLasting: false });
      }
    });
    this.runs = new AnswerRuns(options.api, {
      show: (id, change) => {
        this.screen.present(id, change);
      },
      keep: (id, change) => this.archive.keep(id, change),
      onConnection: isLost => {
        this.screen.publish({ isReconnecting: isLost });
      }
    });
  }

  get state(): IChatState {
    return this.screen.state;
  }

  get changed(): ISignal<unknown, IChatState> {
    return this.screen.changed;
  }

  get isDisposed(): boolean {
    return this.screen.isDisposed;
  }

  dispose(): void {
    this.screen.dispose();
    this.runs.dispose();
    this.archive.close();
  }

  /** Read what is stored, and go on with what was on its way. */
  start(): Promise<void> {
    this.started ??= this.begin();
    return this.started;
  }

  /** How conversations begin from now on. */
  setDefaults(sampling: ISampling): void {
    this.screen.setDefaults(sampling);
  }

  /** Begin a conversation; it is stored with its first question. */
  create(modelId = this.state.conversation.modelId): void {
    this.screen.create(modelId);
  }

  async open(id: string): Promise<void> {
    const conversation = await this.archive.read(id);
    if (conversation) {
      this.screen.show(conversation);
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
    const conversation = await this.archive.read(id);
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
    const others = this.state.attached.filter(
      ({ title, origin }) => title !== item.title || origin !== item.origin
    );
    this.screen.publish({ attached: [...others, item] });
  }

  detach(itemId: string): void {
    const attached = this.state.attached.filter(({ id }) => id !== itemId);
    this.screen.publish({ attached });
  }

  /** Ask a question, with what is attached. */
  async send(text: string): Promise<void> {
    await this.start();
    const question = newQuestion(UUID.uuid4(), text, this.state.attached);
    this.screen.publish({ attached: [] });
    const answer = this.freshAnswer();
    const { conversation } = this.state;
    await this.ask(asked(conversation, question, answer, Date.now()), answer);
  }

  /** Ask the question of this answer again; what came after it is gone. */
  regenerate(answerId: string): Promise<void> {
    const { conversation } = this.state;
    if (!questionOf(conversation, answerId)) {
      return Promise.resolve();
    }
    const answer = this.freshAnswer();
    const after = askedAgain(conversation, answerId, answer, Date.now());
    return this.ask(after, answer);
  }

  /** Ask a question in other words; what came after it is gone. */
  edit(question: IQuestion, text: string): Promise<void> {
    const { conversation } = this.state;
    const next = newQuestion(UUID.uuid4(), text, question.context);
    const answer = this.freshAnswer();
    return this.ask(
      edited(conversation, question.id, next, answer, Date.now()),
      answer
    );
  }

  /** Stop what is on its way in the open conversation, whichever page asked for it. */
  async stop(): Promise<void> {
    const { conversation } = this.state;
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
    const summaries = await this.archive.open();
    if (!summaries) {
      return;
    }
    const isSaved = ({ id }: ISummary): boolean =>
      id === this.options.place.get();
    const last = summaries.find(isSaved);
    const isEmpty = this.state.conversation.messages.length === 0;
    this.screen.publish({ isReady: true, summaries });
    if (last && isEmpty) {
      await this.open(last.id);
    }
  }

  private async ask(
    conversation: IConversation,
    answer: IAnswer
  ): Promise<void> {
    const body = chatBody(conversation, answer.streamId);
    const replaced = runningAnswers(this.state.conversation);
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
    const { conversation } = this.state;
    if (conversation.messages.length === 0) {
      this.screen.show({ ...conversation, ...choice });
    } else {
      await this.apply(
        conversation.id,
        before => before && { ...before, ...choice }
      );
    }
  }

  /** Change a conversation on the screen at once, and then in the store. */
  private async apply(id: string, change: Change): Promise<void> {
    this.screen.present(id, change);
    await this.archive.keep(id, change);
    await this.archive.relist();
  }

  /** Another page has changed a conversation. */
  private async reread(id: string): Promise<void> {
    await this.archive.relist();
    if (this.state.conversation.id !== id) {
      return;
    }
    const stored = await this.archive.read(id);
    this.screen.present(id, here => stored && here && merged(stored, here));
    if (stored) {
      this.runs.leaveEnded(stored);
      this.runs.followAll(stored);
    }
  }

  private freshAnswer(): IAnswer {
    return newAnswer(UUID.uuid4(), this.state.conversation.modelId);
  }

  private readonly screen: Screen;
  private readonly archive: Archive;
  private readonly runs: AnswerRuns;
  private started: Promise<void> | undefined;
}
