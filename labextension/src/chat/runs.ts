import { Throttler } from '@lumino/polling';

import { answeredBy, runningAnswers } from './conversation';
import { Follower } from './follower';
import type { IChatAPI } from './restapi';
import type { Change, IAnswer, IConversation } from './tokens';
import type { IChatBody } from './wire';

/** While an answer comes it is saved this often at most. */
const SAVE_MS = 400;

/** Where answers go, by the conversations they are part of. */
export interface IAnswerPlace {
  show(conversationId: string, change: Change): void;
  keep(conversationId: string, change: Change): Promise<void>;
  /** The connection of an answer is lost, or is back. */
  onConnection(isLost: boolean): void;
}

/** The answers that this page follows. */
export class AnswerRuns {
  constructor(
    private readonly api: IChatAPI,
    private readonly place: IAnswerPlace
  ) {}

  /** Leave all; they go on at the server. */
  dispose(): void {
    for (const run of this.runs.values()) {
      run.leave();
    }
  }

  /** Follow what is on its way in a conversation. */
  followAll(conversation: IConversation): void {
    for (const answer of runningAnswers(conversation)) {
      if (!this.runs.has(answer.id)) {
        this.follow(conversation.id, answer);
      }
    }
  }

  /** Show an answer as it comes, and save it now and then and at its end. */
  follow(conversationId: string, answer: IAnswer, body?: IChatBody): void {
    const controller = new AbortController();
    let last = answer;
    const save = (): Promise<void> =>
      this.place.keep(conversationId, answeredBy(last));
    const saver = new Throttler(save, { limit: SAVE_MS, edge: 'trailing' });
    const follower = new Follower(answer, {
      api: this.api,
      signal: controller.signal,
      ...(body && { body }),
      onAnswer: next => {
        last = next;
        this.place.show(conversationId, answeredBy(next));
        void saver.invoke();
      },
      onConnection: isLost => {
        this.place.onConnection(isLost);
      }
    });
    this.runs.set(answer.id, {
      leave: () => {
        controller.abort();
      }
    });
    void follower.run().then(async () => {
      this.runs.delete(answer.id);
      saver.dispose();
      this.place.onConnection(false);
      await save();
    });
  }

  /** End an answer here and on the server. */
  async halt(answer: IAnswer): Promise<void> {
    this.runs.get(answer.id)?.leave();
    this.runs.delete(answer.id);
    // where it ended by itself, or was never heard of, there is nothing to stop
    await this.api.stop(answer.streamId).catch(() => undefined);
  }

  /** An answer that another page has stopped is not followed any longer. */
  leaveEnded(stored: IConversation): void {
    const running = new Set(runningAnswers(stored).map(({ id }) => id));
    for (const message of stored.messages) {
      if (message.role === 'assistant' && !running.has(message.id)) {
        this.runs.get(message.id)?.leave();
      }
    }
  }

  private readonly runs = new Map<string, { leave: () => void }>();
}
