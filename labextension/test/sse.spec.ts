import { type ISseEvent, readBatches, readEvents } from '../src/sse';

async function eventsOf(...parts: string[]): Promise<ISseEvent[]> {
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    start: controller => {
      parts.forEach(part => {
        controller.enqueue(encoder.encode(part));
      });
      controller.close();
    }
  });
  const events: ISseEvent[] = [];
  for await (const event of readEvents(new Response(body))) {
    events.push(event);
  }
  return events;
}

describe('readEvents', () => {
  it('reads events however they are cut into parts', async () => {
    const expected = [
      { id: '', data: '{"a":1}' },
      { id: '7', data: '[DONE]' }
    ];
    const text = 'data: {"a":1}\n\nid: 7\ndata: [DONE]\n\n';
    expect(await eventsOf(text)).toEqual(expected);
    expect(await eventsOf(...text.split(/(?<=.)/s))).toEqual(expected);
    expect(await eventsOf(text.replaceAll('\n', '\r\n'))).toEqual(expected);
  });

  it('gives those together that come together', async () => {
    const body = 'data: one\n\ndata: two\n\n: silence\n\n';
    const batches: number[] = [];
    for await (const events of readBatches(new Response(body))) {
      batches.push(events.length);
    }
    expect(batches).toEqual([2]);
  });

  it('passes over comments and joins the lines of one event', async () => {
    const text = ': keep-alive\n\ndata: one\ndata: two\n\n';
    expect(await eventsOf(text)).toEqual([{ id: '', data: 'one\ntwo' }]);
  });

  it('reads what a connection that broke off had left unfinished', async () => {
    expect(await eventsOf('data: last')).toEqual([{ id: '', data: 'last' }]);
  });

  it('closes the connection when nobody reads on', async () => {
    let isCancelled = false;
    const body = new ReadableStream<Uint8Array>({
      pull: controller => {
        controller.enqueue(new TextEncoder().encode('data: x\n\n'));
      },
      cancel: () => {
        isCancelled = true;
      }
    });
    for await (const event of readEvents(new Response(body))) {
      expect(event.data).toBe('x');
      break;
    }
    expect(isCancelled).toBe(true);
  });
});
