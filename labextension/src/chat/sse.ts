/** One server-sent event. */
export interface IServerEvent {
  /** Its number, 0 where the server gave none. */
  readonly number: number;
  readonly data: string;
}

/**
 * Cuts a stream of text into server-sent events, wherever its pieces are cut.
 *
 * Comments, which keep a connection open, are left out. What the server sends has one
 * `data` line an event, and may have an `id`.
 */
export class EventParser {
  /** The events that are complete with `piece`. */
  push(piece: string): IServerEvent[] {
    const lines = (this.rest + piece).split('\n');
    this.rest = lines.pop() ?? '';
    const events: IServerEvent[] = [];
    for (const line of lines) {
      const event = this.read(line.endsWith('\r') ? line.slice(0, -1) : line);
      if (event) {
        events.push(event);
      }
    }
    return events;
  }

  private read(line: string): IServerEvent | null {
    if (line === '') {
      return this.complete();
    }
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') {
      this.data.push(value);
    } else if (field === 'id') {
      this.number = Number(value) || 0;
    }
    return null;
  }

  private complete(): IServerEvent | null {
    const { data, number } = this;
    this.data = [];
    this.number = 0;
    return data.length > 0 ? { number, data: data.join('\n') } : null;
  }

  private rest = '';
  private data: string[] = [];
  private number = 0;
}

/**
 * The events of a response, those that came together in one array.
 *
 * Leaving the loop early closes the connection.
 */
export async function* readEvents(
  body: ReadableStream<Uint8Array>
): AsyncGenerator<IServerEvent[], void> {
  const parser = new EventParser();
  const decoder = new TextDecoder();
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) {
        return;
      }
      const events = parser.push(decoder.decode(value, { stream: true }));
      if (events.length > 0) {
        yield events;
      }
    }
  } finally {
    // a connection that broke cannot be closed any more
    await reader.cancel().catch(() => undefined);
  }
}
