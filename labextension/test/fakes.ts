import type { IEventSocketListener, OpenEventSocket } from '../src/events';
import type { IPage } from '../src/manager/attention';
import type { IRestAPI } from '../src/restapi';
import type { IPermissions, LoadRequest } from '../src/tokens';
import type {
  DownloadState,
  IDevice,
  IDownload,
  IEngineStats,
  IHubRepo,
  ILoadOptions,
  IMemoryBody,
  IMemoryUse,
  IModelEntry,
  IModelsBody,
  IOffersBody,
  ISettingsBody,
  ModelState,
  ServerEvent
} from '../src/types';

const NO_MEMORY: IMemoryUse = {
  weights_bytes: 0,
  kv_cache_bytes: 0,
  compute_bytes: 0,
  overhead_bytes: 0
};

const IDLE: IEngineStats = {
  slots: 0,
  context_length: 0,
  can_fill_gaps: false,
  num_kv_cells: 0,
  num_kv_cells_used: 0,
  num_running: 0,
  num_waiting: 0,
  num_steps: 0,
  num_prompt_tokens: 0,
  num_cached_tokens: 0,
  num_completion_tokens: 0,
  num_preemptions: 0,
  decode_s: 0,
  step_s: 0
};

export function aStatus(id: string, state: ModelState): IModelEntry {
  return {
    model: {
      id,
      engine: 'llama_cpp',
      format: 'gguf',
      path: `/models/${id}.gguf`,
      size_bytes: 5_000_000,
      architecture: 'llama',
      quantization: 'Q8_0',
      num_parameters: 2_300_000,
      context_length: 1024,
      has_chat_template: true,
      modalities: ['text'],
      licence: '',
      projector_path: '',
      source: 'models_dir',
      num_kv_values: 0
    },
    state,
    progress: 0,
    error: '',
    memory: NO_MEMORY,
    stats: IDLE,
    keep_alive_s: null,
    expires_at: null,
    estimate: { ...NO_MEMORY, total_bytes: 6_000_000 },
    fit: 'fits',
    unavailable: ''
  };
}

/** A download that has just begun. */
export function aDownload(
  id: string,
  state: DownloadState,
  path = '/models/new.gguf'
): IDownload {
  return {
    id,
    repo_id: `org/${id}`,
    revision: 'main',
    filenames: ['new.gguf'],
    path,
    state,
    size_bytes: 100,
    done_bytes: 0,
    bytes_per_s: 0,
    eta_s: null,
    error: ''
  };
}

/** A server in memory; `gate` holds the next load or unload until it is opened. */
export class FakeServer implements IRestAPI {
  models = [aStatus('guide', 'unloaded')];
  devices: IDevice[] = [];
  downloads: IDownload[] = [];
  granted: IPermissions = { read: true, execute: true, write: true };
  /** What every question is answered with. */
  failure: Error | null = null;
  /** What every load and unload is answered with. */
  refusal: Error | null = null;
  questions = 0;
  saved: Partial<ILoadOptions> = {};
  loads: [string, LoadRequest | undefined][] = [];
  gate: Promise<void> = Promise.resolve();

  listModels(): Promise<IModelsBody> {
    this.questions += 1;
    return this.answer({
      data: this.models,
      models_dirs: ['/models'],
      active: null
    });
  }

  readMemory(): Promise<IMemoryBody> {
    return this.answer({ data: this.devices, models: [] });
  }

  listDownloads(): Promise<IDownload[]> {
    return this.answer(this.downloads);
  }

  permissions(): Promise<IPermissions> {
    return this.answer(this.granted);
  }

  load(modelId: string, request?: LoadRequest): Promise<void> {
    this.loads.push([modelId, request]);
    return this.become(modelId, 'ready');
  }

  switchTo(modelId: string): Promise<void> {
    return this.become(modelId, 'ready');
  }

  unload(modelId: string): Promise<void> {
    return this.become(modelId, 'unloaded');
  }

  search(): Promise<IHubRepo[]> {
    return this.answer([]);
  }

  offers(id: string): Promise<IOffersBody> {
    const repo = { id, licence: '', gated: false, downloads: 0, likes: 0 };
    return this.answer({ ...repo, files: [] });
  }

  download(repoId: string): Promise<IDownload> {
    return this.answer(aDownload(repoId, 'queued'));
  }

  cancelDownload(downloadId: string): Promise<IDownload> {
    return this.answer(aDownload(downloadId, 'cancelled'));
  }

  dismissDownload(downloadId: string): Promise<IDownload> {
    return this.answer(aDownload(downloadId, 'dismissed'));
  }

  deleteModel(modelId: string): Promise<number> {
    this.models = this.models.filter(({ model }) => model.id !== modelId);
    return this.answer(5_000_000);
  }

  savedSettings(): Promise<ISettingsBody> {
    const options = this.saved;
    return this.answer({ options, keep_alive_s: null, pinned: false });
  }

  saveOptions(): Promise<void> {
    return this.answer(undefined);
  }

  private answer<T>(value: T): Promise<T> {
    return this.failure ? Promise.reject(this.failure) : Promise.resolve(value);
  }

  private async become(modelId: string, state: ModelState): Promise<void> {
    await this.gate;
    if (this.refusal) {
      throw this.refusal;
    }
    this.models = this.models.map(status =>
      status.model.id === modelId ? { ...status, state } : status
    );
  }
}

/** The server's events: opens sockets, tells whoever listens, and can go away. */
export class FakeEvents {
  isThere = true;
  opened = 0;

  readonly open: OpenEventSocket = listener => {
    this.opened += 1;
    if (!this.isThere) {
      return Promise.reject(new Error('no socket'));
    }
    this.listeners.add(listener);
    return Promise.resolve({ close: () => this.listeners.delete(listener) });
  };

  get numListeners(): number {
    return this.listeners.size;
  }

  tell(event: Pick<ServerEvent, 'type' | 'data'> & { missed?: number }): void {
    for (const listener of this.listeners) {
      listener.onEvent({ at: 0, ...event } as ServerEvent);
    }
  }

  /** End every connection, as a server does that stops. */
  end(): void {
    const gone = [...this.listeners];
    this.listeners.clear();
    for (const listener of gone) {
      listener.onEnd();
    }
  }

  private readonly listeners = new Set<IEventSocketListener>();
}

/** A page that can be hidden. */
export class FakePage implements IPage {
  hidden = false;

  addEventListener(_: 'visibilitychange', listener: () => void): void {
    this.listeners.add(listener);
  }

  removeEventListener(_: 'visibilitychange', listener: () => void): void {
    this.listeners.delete(listener);
  }

  become(hidden: boolean): void {
    this.hidden = hidden;
    this.listeners.forEach(listener => {
      listener();
    });
  }

  private readonly listeners = new Set<() => void>();
}
