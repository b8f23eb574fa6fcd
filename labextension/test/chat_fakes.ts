import { newAnswer } from '../src/chat/answer';
import { asked, newConversation } from '../src/chat/conversation';
import type { Events, IChatAPI } from '../src/chat/restapi';
import {
  type IConversation,
  type IQuestion,
  SERVER_DEFAULTS
} from '../src/chat/tokens';
import type { IChatBody } from '../src/chat/wire';
import { RestError } from '../src/requests';
import type { ISseEvent } from '../src/sse';

export function aQuestion(text: string, id = text): IQuestion {
  return { role: 'user', id, text, context: [] };
}

/** A conversation in which one question was asked; the answer has the id `a1`. */
export function aConversation(text = 'Hello', id = 'c1'): IConversation {
  const options = { modelId: 'guide', sampling: SERVER_DEFAULTS };
  const answer = newAnswer('a1', 'guide');
  return asked(newConversation(id, options), aQuestion(text), answer, 1000);
}

export function delta(number: number, content: string): ISseEvent {
  const data = JSON.stringify({ choices: [{ delta: { content } }] });
  return { id: `${number}`, data };
}

export function end(number: number): ISseEvent {
  return { id: `${number}`, data: '[DONE]' };
}

/** One stream of a server in memory: its events, and whoever follows them. */
class Stream {
  readonly events: ISseEvent[] = [];
  isBroken = false;
  tell: () => void = () => undefined;

  async *follow(
    after: number,
    signal: AbortSignal
  ): AsyncGenerator<readonly ISseEvent[]> {
    for (let place = after; ;) {
      const event = this.events[place];
      if (signal.aborted || this.isBroken) {
        this.isBroken = false;
        throw new TypeError('network');
      }
      if (event) {
        place += 1;
        yield [event];
      } else {
        await new Promise<void>(resolve => {
          const before = this.tell;
          this.tell = () => {
            before();
            resolve();
          };
          signal.addEventListener('abort', () => {
            resolve();
          });
        });
      }
    }
  }
}

/** A server in memory; a test says what its streams say. */
export class FakeChatServer implements IChatAPI {
  readonly asked: IChatBody[] = [];
  readonly stopped: string[] = [];
  /** What the next question is refused with. */
  refusal: RestError | null = null;

  ask(body: IChatBody, signal: AbortSignal): Promise<Events> {
    this.asked.push(body);
    const { refusal } = this;
    if (refusal) {
      this.refusal = null;
      return Promise.reject(refusal);
    }
    const stream = new Stream();
    this.streams.set(body.stream_id ?? '', stream);
    return Promise.resolve(stream.follow(0, signal));
  }

  follow(id: string, after: number, signal: AbortSignal): Promise<Events> {
    const stream = this.streams.get(id);
    return stream
      ? Promise.resolve(stream.follow(after, signal))
      : Promise.reject(new RestError('gone', 404, 'stream_not_found'));
  }

  stop(id: string): Promise<void> {
    this.stopped.push(id);
    this.streams.delete(id);
    return Promise.resolve();
  }

  /** Let a stream, by default the last one, say something; resolves when it was heard. */
  async say(...events: ISseEvent[]): Promise<void> {
    const stream = [...this.streams.values()].at(-1);
    stream?.events.push(...events);
    stream?.tell();
    await settled();
  }

  /** Break the connections of the last stream; it goes on. */
  async breakConnection(): Promise<void> {
    const stream = [...this.streams.values()].at(-1);
    if (stream) {
      stream.isBroken = true;
      stream.tell();
    }
    await settled();
  }

  /** As after a restart of the server. */
  forget(): void {
    this.streams.clear();
  }

  private readonly streams = new Map<string, Stream>();
}

/** Wait until everything that is under way has come to rest. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) {
    await new Promise(resolve => setImmediate(resolve));
  }
}
