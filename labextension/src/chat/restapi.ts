import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import { problemOf } from './answer';
import { type IServerEvent, readEvents } from './sse';
import type { IProblem } from './tokens';
import type { IChatBody, IErrorBody } from './wire';

/** The events of an answer as they come, those that came together in one array. */
export type Events = AsyncIterable<IServerEvent[]>;

/** What the chat asks of the server; every call rejects with a `Refusal` or a network error. */
export interface IChatAPI {
  ask(body: IChatBody, signal: AbortSignal): Promise<Events>;
  /** The events of a stream behind number `after`, and those to come. */
  follow(streamId: string, after: number, signal: AbortSignal): Promise<Events>;
  /** Stop an answer wherever it is followed. */
  stop(streamId: string): Promise<void>;
}

/** The server answered, and the answer was no. */
export class Refusal extends Error {
  constructor(
    readonly problem: IProblem,
    readonly status: number,
    /** The field of the request that it is about; empty if none. */
    readonly param = ''
  ) {
    super(problem.message);
  }
}

/** The routes of the server extension that generate text. */
export class ChatAPI implements IChatAPI {
  constructor(private readonly settings: ServerConnection.ISettings) {}

  ask(body: IChatBody, signal: AbortSignal): Promise<Events> {
    const init = { method: 'POST', body: JSON.stringify(body), signal };
    return this.events('llm/v1/chat/completions', init);
  }

  follow(
    streamId: string,
    after: number,
    signal: AbortSignal
  ): Promise<Events> {
    return this.events(`${pathOf(streamId)}?after=${after}`, { signal });
  }

  async stop(streamId: string): Promise<void> {
    await this.request(pathOf(streamId), { method: 'DELETE' });
  }

  private async events(path: string, init: RequestInit): Promise<Events> {
    const { body } = await this.request(path, init);
    if (!body) {
      throw new TypeError('The answer of the server has no body.');
    }
    return readEvents(body);
  }

  private async request(path: string, init: RequestInit): Promise<Response> {
    const response = await ServerConnection.makeRequest(
      URLExt.join(this.settings.baseUrl, path),
      init,
      this.settings
    );
    if (!response.ok) {
      throw await refusalOf(response);
    }
    return response;
  }
}

function pathOf(streamId: string): string {
  return `llm/v1/streams/${encodeURIComponent(streamId)}`;
}

/** The server's own words where it has some, else the status line. */
async function refusalOf(response: Response): Promise<Refusal> {
  const { status } = response;
  const error = await errorOf(response);
  const retryAfterS = Number(response.headers.get('Retry-After')) || 0;
  const problem = problemOf(error, retryAfterS);
  return new Refusal(problem, status, error.param ?? '');
}

async function errorOf(response: Response): Promise<IErrorBody> {
  try {
    const body = (await response.json()) as {
      message?: string;
      error?: IErrorBody;
    };
    return body.error ?? { message: body.message ?? '' };
  } catch {
    // a proxy's HTML page, or no body at all
    return { message: `${response.status} ${response.statusText}`.trim() };
  }
}
