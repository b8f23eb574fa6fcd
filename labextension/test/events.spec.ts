import { ServerConnection } from '@jupyterlab/services';

import { eventSocketOpener } from '../src/events';
import type { ServerEvent } from '../src/types';

/** Stands in for the browser's WebSocket; the test plays the server. */
class FakeSocket {
  static last: FakeSocket;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  readonly sent: string[] = [];
  isClosed = false;

  constructor(readonly url: string) {
    FakeSocket.last = this;
  }

  send(text: string): void {
    this.sent.push(text);
  }

  close(): void {
    this.isClosed = true;
  }

  say(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
}

function open(settings: Partial<ServerConnection.ISettings> = {}): {
  socket: FakeSocket;
  opening: Promise<{ close(): void }>;
  events: ServerEvent[];
  ends: number[];
} {
  const events: ServerEvent[] = [];
  const ends: number[] = [];
  const opener = eventSocketOpener(
    ServerConnection.makeSettings({
      baseUrl: 'https://lab.test/user/ada/',
      wsUrl: 'wss://lab.test/user/ada/',
      token: 'a&b',
      WebSocket: FakeSocket as unknown as typeof WebSocket,
      ...settings
    })
  );
  const opening = opener({
    onEvent: event => events.push(event),
    onEnd: () => ends.push(1)
  });
  return { socket: FakeSocket.last, opening, events, ends };
}

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

describe('eventSocketOpener', () => {
  it('connects below the base URL, with the token only where it has to', () => {
    expect(open({ appendToken: true }).socket.url).toBe(
      'wss://lab.test/user/ada/llm/ws?token=a%26b'
    );
    expect(open({ appendToken: false }).socket.url).toBe(
      'wss://lab.test/user/ada/llm/ws'
    );
  });

  it('is open when the server says so, and chooses what it wants to hear', async () => {
    const { socket, opening, events } = open();
    socket.say({ type: 'subscribed', kinds: ['model', 'usage'] });
    const connection = await opening;
    expect(socket.sent).toEqual([
      '{"subscribe":["model","removed","download","vram","queue","service"]}'
    ]);
    socket.say({ type: 'subscribed', kinds: [] });
    socket.say({ type: 'error', error: { message: 'no' } });
    expect(events).toEqual([]);
    socket.say({ type: 'vram', at: 1, data: { data: [], models: [] } });
    expect(events).toHaveLength(1);
    connection.close();
    expect(socket.isClosed).toBe(true);
    expect(socket.onclose).toBeNull(); // nobody is told of an end that they wanted
  });

  it('tells of an end', async () => {
    const { socket, opening, ends } = open();
    socket.say({ type: 'subscribed', kinds: [] });
    await opening;
    socket.onclose?.();
    expect(ends).toEqual([1]);
  });

  it('is refused by a server that closes at once', async () => {
    const { socket, opening, ends } = open();
    socket.onclose?.();
    await expect(opening).rejects.toThrow('refused');
    expect(ends).toEqual([]);
  });

  it('does not wait for ever', async () => {
    const { socket, opening } = open();
    const refused = expect(opening).rejects.toThrow('sent no events');
    await jest.advanceTimersByTimeAsync(60_000);
    await refused;
    expect(socket.isClosed).toBe(true);
  });
});
