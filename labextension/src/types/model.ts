import type { IMemoryTotal, IMemoryUse } from './memory';

/** Where a model stands on its way into memory and out of it. */
export type ModelState =
  'unloaded' | 'queued' | 'loading' | 'ready' | 'unloading' | 'failed';

/** Where a model's files lie. */
export type ModelSource =
  'built-in' | 'models_dir' | 'shared' | 'hf_cache' | 'path' | 'remote';

/** Whether a model runs in the memory of this machine: well, barely, or not. */
export type Fit = 'fits' | 'tight' | 'will not fit' | 'unknown';

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

/** A model that was deleted. */
export interface IRemovedModel {
  model_id: string;
  freed_bytes: number;
}
