import { RestError } from '../requests';
import { advance, failed, problemOf } from './answer';
import type { Events, IChatAPI } from './restapi';
import type { IAnswer, IProblem } from './tokens';
import type { IChatBody } from './wire';

/** Waits before a stream is looked for again, in milliseconds. */
export const RETRIES_MS = [300, 1000, 2000, 4000, 8000];

/** Where nobody keeps streams, an answer ends with its connection. */
const NOT_RESUMABLE = 'resumable';

export interface IFollowOptions {
  api: IChatAPI;
  signal: AbortSignal;
  /** The request to send; without one the answer has been asked for before. */
  body?: IChatBody;
  /** Called with every later picture of the answer; the last has ended. */
  onAnswer: (answer: IAnswer) => void;
  /** Called when the connection is lost, and when it is back. */
  onConnection?: (isLost: boolean) => void;
  retriesMs?: readonly number[];
}

/**
 * Follows one answer to its end, over connections that break.
 *
 * Resolves when the answer has ended or the signal was aborted; never rejects.
 */
export class Follower {
  constructor(
    private answer: IAnswer,
    private readonly options: IFollowOptions
  ) {
    this.body = options.body;
    this.retriesMs = options.retriesMs ?? RETRIES_MS;
  }

  async run(): Promise<void> {
    while (!this.isOver()) {
      const { isPassing, ...problem } = await this.attempt();
      if (this.isOver()) {
        return;
      }
      const waitMs = this.retriesMs[this.numFailures++];
      if (!isPassing || waitMs === undefined) {
        this.publish(failed(this.answer, problem));
        return;
      }
      this.options.onConnection?.(true);
      await new Promise(resolve => setTimeout(resolve, waitMs));
    }
  }

  private isOver(): boolean {
    return this.options.signal.aborted || this.answer.state !== 'running';
  }

  /** One connection, to its end; says why it did not reach the end of the answer. */
  private async attempt(): Promise<IAttemptProblem> {
    try {
      for await (const events of await this.connect()) {
        this.numFailures = 0;
        this.options.onConnection?.(false);
        this.publish(events.reduce(advance, this.answer));
        if (this.isOver()) {
          break;
        }
      }
      return { ...CUT_OFF, isPassing: this.isResumable };
    } catch (reason) {
      return this.explain(reason);
    }
  }

  private connect(): Promise<Events> {
    const { api, signal } = this.options;
    const { body } = this;
    this.body = undefined; // asked once; from then on the stream is followed
    this.isResumable = !body || body.resumable === true;
    return body
      ? api.ask(body, signal)
      : api.follow(this.answer.streamId, this.answer.lastEvent, signal);
  }

  private explain(reason: unknown): IAttemptProblem {
    if (!(reason instanceof RestError)) {
      return { ...UNREACHABLE, isPassing: this.isResumable };
    }
    const problem = problemOf(reason, reason.retryAfterS);
    if (reason.param === NOT_RESUMABLE && this.options.body) {
      this.body = { ...this.options.body };
      delete this.body.resumable;
      delete this.body.stream_id;
      return { ...problem, isPassing: true };
    }
    // the request of another page, or of this one before it was loaded anew, may be on its way
    const isUnknown = problem.code === 'stream_not_found';
    return isUnknown
      ? { ...CUT_OFF, isPassing: this.numFailures < MAX_LOOKS }
      : { ...problem, isPassing: false };
  }

  private publish(answer: IAnswer): void {
    if (answer !== this.answer && !this.options.signal.aborted) {
      this.answer = answer;
      this.options.onAnswer(answer);
    }
  }

  private body: IChatBody | undefined;
  private isResumable = true;
  private numFailures = 0;
  private readonly retriesMs: readonly number[];
}

interface IAttemptProblem extends IProblem {
  isPassing: boolean;
}

/** How often a stream that the server does not know is looked for. */
const MAX_LOOKS = 3;

const CUT_OFF = problemOf({ code: 'cut_off' });
const UNREACHABLE = problemOf({ code: 'unreachable' });
