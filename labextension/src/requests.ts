import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

/** The server answered, and the answer was no. */
export class RestError extends Error {
  constructor(
    message: string,
    readonly status: number,
    /** A stable word for programs, such as `insufficient_memory`. */
    readonly code = '',
    /** The field of the request that it is about; empty if none. */
    readonly param = '',
    /** When it may be sent again, in seconds; 0 if nobody said. */
    readonly retryAfterS = 0
  ) {
    super(message);
  }
}

/**
 * Requests to the server in its own words: paths below its base URL, bodies as JSON.
 * Every one rejects with a `RestError` or a network error.
 */
export class Requests {
  constructor(private readonly settings: ServerConnection.ISettings) {}

  async get<T>(path: string): Promise<T> {
    return (await (await this.open(path)).json()) as T;
  }

  async post<T>(path: string, body: object = {}): Promise<T> {
    const init = { method: 'POST', body: JSON.stringify(body) };
    return (await (await this.open(path, init)).json()) as T;
  }

  async delete<T>(path: string): Promise<T> {
    return (await (await this.open(path, { method: 'DELETE' })).json()) as T;
  }

  /** The answer as soon as it begins; its body is yet to be read. */
  async open(path: string, init: RequestInit = {}): Promise<Response> {
    const url = URLExt.join(this.settings.baseUrl, path);
    const response = await ServerConnection.makeRequest(
      url,
      init,
      this.settings
    );
    if (!response.ok) {
      throw await refusalOf(response);
    }
    return response;
  }
}

/** The server's own words where it has some, else the status line. */
async function refusalOf(response: Response): Promise<RestError> {
  const { status } = response;
  const statusLine = `${status} ${response.statusText}`.trim();
  try {
    const body = (await response.json()) as {
      message?: string;
      error?: { message?: string; code?: string; param?: string | null };
    };
    const message = body.error?.message ?? body.message ?? statusLine;
    return new RestError(
      message,
      status,
      body.error?.code,
      body.error?.param ?? '',
      Number(response.headers.get('Retry-After')) || 0
    );
  } catch {
    return new RestError(statusLine, status); // a proxy's HTML page, or no body at all
  }
}
