/**
 * What the server says, field by field: the dataclasses of `jupyter_llm/types/` and
 * the bodies around them. A Python test compares the two, so a field that is renamed
 * there cannot be forgotten here.
 */

/** Where a model stands on its way into memory and out of it. */
export type ModelState =
  'unloaded' | 'queued' | 'loading' | 'ready' | 'unloading' | 'failed';

/** Where a model's files lie. */
export type ModelSource =
  'built-in' | 'models_dir' | 'shared' | 'hf_cache' | 'path' | 'remote';

/** Whether a model runs in the memory of this machine: well, barely, or not. */
export type Fit = 'fits' | 'tight' | 'will not fit' | 'unknown';

/**
 * Where a download stands; one that was cancelled or failed can be resumed. `dismissed` is
 * told once, when it is forgotten.
 */
export type DownloadState =
  'queued' | 'running' | 'done' | 'failed' | 'cancelled' | 'dismissed';

/** A model that can be loaded: what its files say of themselves. */
export interface IModel {
  id: string;
  path: string;
  format: string;
  engine: string;
  size_bytes: number;
  architecture: string;
  quantization: string;
  num_parameters: number;
  context_length: number;
  has_chat_template: boolean;
  modalities: string[];
  licence: string;
  projector_path: string;
  source: ModelSource;
  num_kv_values: number;
}

/** Memory of one loaded model, in bytes. */
export interface IMemoryUse {
  weights_bytes: number;
  kv_cache_bytes: number;
  compute_bytes: number;
  overhead_bytes: number;
}

/** The same with its sum, as answers have it. */
export interface IMemoryTotal extends IMemoryUse {
  total_bytes: number;
}

/** How to load a model; `null` leaves the choice to the server. */
export interface ILoadOptions {
  context_length: number | null;
  slots: number | null;
  num_kv_cells: number | null;
  num_threads: number | null;
  batch_size: number | null;
  num_gpu_layers: number | null;
  kv_type: string | null;
  adapters: string[] | null;
  speculation: string | null;
  draft_model: string | null;
  split_mode: string | null;
  tensor_split: number[] | null;
}

/** A snapshot of a loaded engine; counters grow from zero at load. */
export interface IEngineStats {
  slots: number;
  context_length: number;
  can_fill_gaps: boolean;
  num_kv_cells: number;
  num_kv_cells_used: number;
  num_running: number;
  num_waiting: number;
  num_steps: number;
  num_prompt_tokens: number;
  num_cached_tokens: number;
  num_completion_tokens: number;
  num_preemptions: number;
  decode_s: number;
  step_s: number;
}

/**
 * A model and where it stands; `progress` is the part of its load that is done, 0 to 1.
 * It leaves at `expires_at`, in seconds since 1970; `null` for never, or while it is used.
 */
export interface IModelStatus {
  model: IModel;
  state: ModelState;
  progress: number;
  error: string;
  memory: IMemoryUse;
  stats: IEngineStats;
  keep_alive_s: number | null;
  expires_at: number | null;
}

/** A model of the listing: what it takes or would take, and whether that fits. */
export interface IModelEntry extends IModelStatus {
  estimate: IMemoryTotal;
  fit: Fit;
  /** Why no engine runs it here; empty where one does. */
  unavailable: string;
}

/**
 * Memory of one device in bytes: `used_bytes` counts everybody, `own_bytes` this server,
 * `other_servers_bytes` the models of other notebook servers on the machine.
 */
export interface IDevice {
  id: string;
  kind: string;
  name: string;
  total_bytes: number;
  used_bytes: number;
  own_bytes: number;
  other_servers_bytes: number;
}

/** Files of a Hub repository on their way to the disk; `path` is where the model will be. */
export interface IDownload {
  id: string;
  repo_id: string;
  revision: string;
  filenames: string[];
  path: string;
  state: DownloadState;
  size_bytes: number;
  done_bytes: number;
  bytes_per_s: number;
  eta_s: number | null;
  error: string;
}

/**
 * Where a request of this user stands: 1 is the next one, 0 has its turn. `stream_id` is the
 * name that its client gave it, if it gave one.
 */
export interface IQueuePosition {
  request_id: string;
  model_id: string;
  position: number;
  stream_id: string;
}

/** The model that answers requests which name none. */
export interface IActiveModel {
  id: string;
}

/** `GET llm/models`. */
export interface IModelsBody {
  data: IModelEntry[];
  active: IActiveModel | null;
  models_dirs: string[];
}

/** What one model holds. */
export interface IModelMemory extends IMemoryTotal {
  id: string;
  engine: string;
}

/** `GET llm/vram`. */
export interface IMemoryBody {
  data: IDevice[];
  models: IModelMemory[];
}

/** `GET llm/api/admin/downloads`. */
export interface IDownloadsBody {
  downloads: IDownload[];
}

/** A repository on the Hub. */
export interface IHubRepo {
  id: string;
  licence: string;
  gated: boolean;
  downloads: number;
  likes: number;
}

/** `GET llm/api/admin/hub`. */
export interface IHubSearchBody {
  models: IHubRepo[];
}

/** What could be downloaded of a repository. */
export interface IOffer {
  name: string;
  quantization: string;
  filenames: string[];
  projector: string | null;
  size_bytes: number;
  fit: Fit;
  /** Whether a download takes this one if none is named. */
  suggested: boolean;
}

/** `GET llm/api/admin/hub/{id}`. */
export interface IOffersBody extends IHubRepo {
  files: IOffer[];
}

/** The answer to the deletion of a model. */
export interface IRemovedBody {
  id: string;
  freed_bytes: number;
}

/** What was decided about a model; options that nobody decided are left out. */
export interface ISettingsBody {
  options: Partial<ILoadOptions>;
  keep_alive_s: number | null;
  pinned: boolean;
}

/** Where a service stands; it is running only once it answers its health check. */
export type ServiceState =
  | 'pending'
  | 'configuring'
  | 'running'
  | 'completed'
  | 'failed'
  | 'cancelled'
  | 'timeout'
  | 'node_fail';

/** One server of a service. */
export interface IReplica {
  id: string;
  index: number;
  host: string;
  port: number;
  state: ServiceState;
  is_healthy: boolean;
  base_path: string;
  gpus: string;
}

/**
 * What was started from a recipe and runs as a job of its own; times are in seconds since
 * 1970. What is said was true at `as_of`; it `is_stale` where the cluster does not answer.
 */
export interface IService {
  id: string;
  name: string;
  recipe: string;
  kind: 'inference' | 'vector-db';
  owner: string;
  launcher: string;
  state: ServiceState;
  reason: string;
  model: string;
  nodes: string[];
  num_nodes: number;
  num_gpus: number;
  num_replicas: number;
  replicas: IReplica[];
  created_at: number;
  started_at: number | null;
  ended_at: number | null;
  time_limit_s: number | null;
  ends_at: number | null;
  as_of: number;
  is_stale: boolean;
  successor_of: string;
  model_id: string;
}

/** `GET llm/api/v1/services`. */
export interface IServicesBody {
  services: IService[];
}

/** What each node of a service gives; `null` for none, or for the cluster's own choice. */
export interface IResources {
  nodes: number;
  gpu: number | null;
  time_limit: number | null;
}

/** What a service can be started from; `environment` has what a request may set. */
export interface IRecipe {
  name: string;
  kind: 'inference' | 'vector-db';
  description: string;
  resources: IResources;
  environment: Record<string, string | null>;
  replicas: number;
  max_nodes: number;
}

/** `GET llm/api/v1/recipes`. */
export interface IRecipesBody {
  recipes: IRecipe[];
}

/** A part of what a service has written; the next part begins at `next_offset`. */
export interface IServiceLogBody {
  logs: string;
  next_offset: number;
}

/** A model that was deleted. */
export interface IRemovedModel {
  model_id: string;
  freed_bytes: number;
}

interface IEvent<Kind extends string, Data> {
  type: Kind;
  /** Seconds since 1970. */
  at: number;
  data: Data;
  /** How many events right before this one were lost. */
  missed?: number;
}

/** What `llm/ws` tells. */
export type ServerEvent =
  | IEvent<'model', IModelStatus>
  | IEvent<'removed', IRemovedModel>
  | IEvent<'download', IDownload>
  | IEvent<'vram', IMemoryBody>
  | IEvent<'service', IService>
  | IEvent<'queue', IQueuePosition>;

/** An API key without its secret: a limit of 0 is none, `models` of `null` are all of them. */
export interface IKey {
  name: string;
  created: string;
  expires: string | null;
  scopes: string[];
  models: string[] | null;
  requests_per_minute: number;
  tokens_per_day: number;
  tokens_today: number;
}

/** `GET llm/api/admin/keys`. */
export interface IKeysBody {
  keys: IKey[];
}

/** The answer to a new key; its secret is told this once. */
export interface INewKey extends IKey {
  key: string;
}

/** A notebook server of this machine; `held` is what its models hold, by device. */
export interface IServer {
  user: string;
  pid: number;
  is_own: boolean;
  held: Record<string, number>;
}

/** Of `GET llm/vram`: who else has models on this machine. */
export interface IServersBody {
  servers: IServer[];
}

/** An engine; `reason` says why it is not installed, and `install_command` what changes that. */
export interface IEngineInfo {
  name: string;
  installed: boolean;
  version: string;
  formats: string[];
  device: string;
  reason: string;
  install_command: string;
}

/** `GET llm/api/admin/status`, as far as it is shown. */
export interface IServerStatus {
  version: string;
  started_at: number;
  engines: IEngineInfo[];
  hints: string[];
  device_hints: string[];
  registry: IRegistryState;
}

/** Whether what is counted can be written down, and why not. */
export interface IRegistryState {
  status: string;
  error: string;
}

/** What was asked of a model, as far back as the registry goes. */
export interface ITotalUse {
  num_requests: number;
  num_prompt_tokens: number;
  num_completion_tokens: number;
}

/** A model and its use. */
export interface IUsedModel {
  id: string;
  last_used_at: number | null;
  usage: ITotalUse;
}

/** Of `GET llm/api/admin/models`. */
export interface IUsedModelsBody {
  models: IUsedModel[];
}

/** What requests took together; the means are `null` where there is nothing to take them of. */
export interface IUsageFigures {
  num_requests: number;
  num_failed: number;
  num_prompt_tokens: number;
  num_completion_tokens: number;
  mean_first_token_s: number | null;
  mean_duration_s: number | null;
}

/** A step of time, from `at` on, in seconds since 1970. */
export interface IUsagePoint extends IUsageFigures {
  at: number;
}

/** `GET llm/api/admin/metrics/timeseries`. */
export interface IUsageSeries {
  step_s: number;
  points: IUsagePoint[];
}

/** `GET llm/api/admin/metrics/summary`. */
export interface IUsageSummary extends IUsageFigures {
  num_models: number;
  num_users: number;
  num_running: number;
  num_waiting: number;
}

/** What a user has asked; the name is empty for who has the server's token alone. */
export interface IUserUsage extends IUsageFigures {
  user: string;
}

/** `GET llm/api/admin/metrics/users`. */
export interface IUsersUsageBody {
  users: IUserUsage[];
}
