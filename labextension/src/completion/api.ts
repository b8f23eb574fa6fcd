import type { Requests } from '../requests';
import { readEvents } from '../sse';

/** A text to go on with or, where there is a `suffix`, a gap to fill. */
export interface ICompletionRequest {
  model: string;
  prompt: string;
  suffix?: string;
  max_tokens: number;
}

/** What the provider asks of the server. */
export interface ICompletionsAPI {
  /** What the model writes, piece by piece; the signal ends it, there and here. */
  write(
    request: ICompletionRequest,
    signal: AbortSignal
  ): AsyncGenerator<string, void>;
}

interface IChunk {
  choices?: { text: string }[];
  error?: { message: string };
}

/** Two empty lines end a thought; no other word is as likely as the likeliest. */
const HOW = { stream: true, temperature: 0, stop: ['\n\n\n'] };

/** The route of completions; rejects with a `RestError` or a network error. */
export class CompletionsAPI implements ICompletionsAPI {
  constructor(private readonly requests: Requests) {}

  async *write(
    request: ICompletionRequest,
    signal: AbortSignal
  ): AsyncGenerator<string, void> {
    const body = JSON.stringify({ ...request, ...HOW });
    const response = await this.requests.open('llm/v1/completions', {
      method: 'POST',
      body,
      signal
    });
    for await (const { data } of readEvents(response)) {
      if (data === '[DONE]') {
        return;
      }
      const chunk = JSON.parse(data) as IChunk;
      if (chunk.error) {
        throw new Error(chunk.error.message);
      }
      yield chunk.choices?.[0]?.text ?? '';
    }
  }
}
