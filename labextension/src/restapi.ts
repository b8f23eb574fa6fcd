import type { Requests } from './requests';
import type { IPermissions, LoadRequest } from './tokens';
import type {
  IDownload,
  IDownloadsBody,
  IHubRepo,
  IHubSearchBody,
  ILoadOptions,
  IMemoryBody,
  IModelsBody,
  IOffersBody,
  IRemovedBody,
  ISettingsBody
} from './types';

/** What the manager asks of the server. */
export interface IRestAPI {
  listModels(): Promise<IModelsBody>;
  readMemory(): Promise<IMemoryBody>;
  listDownloads(): Promise<IDownload[]>;
  /** What this user may do with models. */
  permissions(): Promise<IPermissions>;
  /** Resolves when the model is ready. */
  load(modelId: string, request?: LoadRequest): Promise<void>;
  /** Resolves when the model is ready and answers requests that name none. */
  switchTo(modelId: string, request?: LoadRequest): Promise<void>;
  /** Resolves when the model's memory is free again. */
  unload(modelId: string): Promise<void>;
  search(text: string, limit: number): Promise<IHubRepo[]>;
  offers(repoId: string): Promise<IOffersBody>;
  /** Begin a download or go on with it; without a file, what suits the machine. */
  download(repoId: string, filename?: string): Promise<IDownload>;
  cancelDownload(downloadId: string): Promise<IDownload>;
  /** Stop a download, delete what is not whole of it, and forget it. */
  dismissDownload(downloadId: string): Promise<IDownload>;
  /** Delete a model's files; resolves with the bytes that are free now. */
  deleteModel(modelId: string): Promise<number>;
  savedSettings(modelId: string): Promise<ISettingsBody>;
  saveOptions(modelId: string, options: Partial<ILoadOptions>): Promise<void>;
}

/** The routes of the server extension; every call rejects with a `RestError` or a network error. */
export class RestAPI implements IRestAPI {
  constructor(private readonly requests: Requests) {}

  listModels(): Promise<IModelsBody> {
    return this.requests.get('llm/models');
  }

  readMemory(): Promise<IMemoryBody> {
    return this.requests.get('llm/vram');
  }

  async listDownloads(): Promise<IDownload[]> {
    const path = 'llm/api/admin/downloads';
    return (await this.requests.get<IDownloadsBody>(path)).downloads;
  }

  async permissions(): Promise<IPermissions> {
    const actions = ['read', 'execute', 'write'] as const;
    const asked = encodeURIComponent(JSON.stringify({ llm: actions }));
    const me = await this.requests.get<{ permissions: { llm?: string[] } }>(
      `api/me?permissions=${asked}`
    );
    const [read, execute, write] = actions.map(
      action => me.permissions.llm?.includes(action) ?? false
    );
    return { read: !!read, execute: !!execute, write: !!write };
  }

  async load(modelId: string, request: LoadRequest = {}): Promise<void> {
    await this.requests.post('llm/load', { model: modelId, ...request });
  }

  async switchTo(modelId: string, request: LoadRequest = {}): Promise<void> {
    await this.requests.post('llm/switch', { model: modelId, ...request });
  }

  async unload(modelId: string): Promise<void> {
    await this.requests.post('llm/unload', { model: modelId });
  }

  async search(text: string, limit: number): Promise<IHubRepo[]> {
    const query = new URLSearchParams({ search: text, limit: `${limit}` });
    const path = `llm/api/admin/hub?${query.toString()}`;
    return (await this.requests.get<IHubSearchBody>(path)).models;
  }

  offers(repoId: string): Promise<IOffersBody> {
    return this.requests.get(`llm/api/admin/hub/${encodeURI(repoId)}`);
  }

  download(repoId: string, filename?: string): Promise<IDownload> {
    return this.requests.post('llm/api/admin/models/download', {
      repo_id: repoId,
      ...(filename !== undefined && { filename })
    });
  }

  cancelDownload(downloadId: string): Promise<IDownload> {
    return this.requests.delete(downloadPath(downloadId));
  }

  dismissDownload(downloadId: string): Promise<IDownload> {
    return this.requests.delete(`${downloadPath(downloadId)}?dismiss=true`);
  }

  async deleteModel(modelId: string): Promise<number> {
    const path = `llm/api/admin/models/${encodeURIComponent(modelId)}`;
    return (await this.requests.delete<IRemovedBody>(path)).freed_bytes;
  }

  savedSettings(modelId: string): Promise<ISettingsBody> {
    return this.requests.get(settingsPath(modelId));
  }

  async saveOptions(
    modelId: string,
    options: Partial<ILoadOptions>
  ): Promise<void> {
    await this.requests.post(settingsPath(modelId), { options });
  }
}

function downloadPath(downloadId: string): string {
  return `llm/api/admin/downloads/${encodeURIComponent(downloadId)}`;
}

function settingsPath(modelId: string): string {
  return `llm/api/admin/models/${encodeURIComponent(modelId)}/settings`;
}
