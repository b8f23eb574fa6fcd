import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import type { IDevice, IMemoryBody, IModelsBody } from './types';

/** What the manager asks of the server. */
export interface IRestAPI {
  listModels(): Promise<IModelsBody>;
  listDevices(): Promise<IDevice[]>;
  /** Resolves when the model is ready. */
  load(modelId: string): Promise<void>;
  /** Resolves when the model's memory is free again. */
  unload(modelId: string): Promise<void>;
  /** Whether this user may load and unload models. */
  mayWrite(): Promise<boolean>;
}

/** The server answered, and the answer was no. */
export class RestError extends Error {
  constructor(
    message: string,
    readonly status: number
  ) {
    super(message);
  }
}

/** The routes of the server extension; every call rejects with a `RestError` or a network error. */
export class RestAPI implements IRestAPI {
  constructor(private readonly settings: ServerConnection.ISettings) {}

  listModels(): Promise<IModelsBody> {
    return this.request('llm/models');
  }

  async listDevices(): Promise<IDevice[]> {
    return (await this.request<IMemoryBody>('llm/vram')).data;
  }

  async load(modelId: string): Promise<void> {
    await this.post('llm/load', { model: modelId });
  }

  async unload(modelId: string): Promise<void> {
    await this.post('llm/unload', { model: modelId });
  }

  async mayWrite(): Promise<boolean> {
    const asked = encodeURIComponent(JSON.stringify({ llm: ['write'] }));
    const me = await this.request<{ permissions: { llm?: string[] } }>(
      `api/me?permissions=${asked}`
    );
    return me.permissions.llm?.includes('write') ?? false;
  }

  private post(path: string, body: object): Promise<unknown> {
    return this.request(path, { method: 'POST', body: JSON.stringify(body) });
  }

  private async request<T>(path: string, init: RequestInit = {}): Promise<T> {
    const response = await ServerConnection.makeRequest(
      URLExt.join(this.settings.baseUrl, path),
      init,
      this.settings
    );
    if (!response.ok) {
      throw new RestError(await reasonOf(response), response.status);
    }
    return (await response.json()) as T;
  }
}

/** The server's own words where it has some, else the status line. */
async function reasonOf(response: Response): Promise<string> {
  const statusLine = `${response.status} ${response.statusText}`.trim();
  try {
    const body = (await response.json()) as {
      message?: string;
      error?: { message?: string };
    };
    return body.error?.message ?? body.message ?? statusLine;
  } catch {
    return statusLine; // a proxy's HTML page, or no body at all
  }
}
