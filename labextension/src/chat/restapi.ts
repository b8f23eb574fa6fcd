import type { Requests } from '../requests';
import { type ISseEvent, readBatches } from '../sse';
import type { IChatBody } from './wire';

/** The events of an answer, as they come: those together that came together. */
export type Events = AsyncIterable<readonly ISseEvent[]>;

/** What the chat asks of the server; every call rejects with a `RestError` or a network error. */
export interface IChatAPI {
  ask(body: IChatBody, signal: AbortSignal): Promise<Events>;
  /** The events of a stream behind number `after`, and those to come. */
  follow(streamId: string, after: number, signal: AbortSignal): Promise<Events>;
  /** Stop an answer wherever it is followed. */
  stop(streamId: string): Promise<void>;
}

/** The routes of the server extension that generate text. */
export class ChatAPI implements IChatAPI {
  constructor(private readonly requests: Requests) {}

  async ask(body: IChatBody, signal: AbortSignal): Promise<Events> {
    const init = { method: 'POST', body: JSON.stringify(body), signal };
    const path = 'llm/v1/chat/completions';
    return readBatches(await this.requests.open(path, init));
  }

  async follow(
    streamId: string,
    after: number,
    signal: AbortSignal
  ): Promise<Events> {
    const path = `${pathOf(streamId)}?after=${after}`;
    return readBatches(await this.requests.open(path, { signal }));
  }

  async stop(streamId: string): Promise<void> {
    await this.requests.delete(pathOf(streamId));
  }
}

function pathOf(streamId: string): string {
  return `llm/v1/streams/${encodeURIComponent(streamId)}`;
}
