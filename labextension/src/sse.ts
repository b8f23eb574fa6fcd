/** One server-sent event; `id` is empty where the server numbers none. */
export interface ISseEvent {
  readonly id: string;
  readonly data: string;
}

/** The events of a streamed answer, one by one; see `readBatches`. */
export async function* readEvents(
  response: Response
): AsyncGenerator<ISseEvent, void> {
  for await (const events of readBatches(response)) {
    yield* events;
  }
}

/**
 * The events of a streamed answer, those together that came together; comments are passed
 * over.
 *
 * Ending the iteration, or aborting the request's signal, closes the connection.
 */
export async function* readBatches(
  response: Response
): AsyncGenerator<readonly ISseEvent[], void> {
  const reader = response.body?.getReader();
  if (!reader) {
    return;
  }
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      rest += decoder.decode(value, { stream: !done }).replaceAll('\r', '');
      const blocks = rest.split('\n\n');
      rest = done ? '' : (blocks.pop() ?? '');
      const events = blocks.flatMap(block => eventOf(block) ?? []);
      if (events.length > 0) {
        yield events;
      }
      if (done) {
        return;
      }
    }
  } finally {
    await reader.cancel();
  }
}

function eventOf(block: string): ISseEvent | null {
  const data: string[] = [];
  let id = '';
  for (const line of block.split('\n')) {
    const [, name, value = ''] = /^([^:]+):? ?(.*)$/.exec(line) ?? [];
    if (name === 'data') {
      data.push(value);
    } else if (name === 'id') {
      id = value;
    }
  }
  return data.length > 0 ? { id, data: data.join('\n') } : null;
}
