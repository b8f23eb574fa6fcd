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
  'built-in' | 'models_dir' | 'shared' | 'hf_cache' | 'path';

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

/** A snapshot of a loaded engine; counters grow from zero at load. */
export interface IEngineStats {
  slots: number;
  context_length: number;
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

/** A model and where it stands; `progress` is the part of its load that is done, 0 to 1. */
export interface IModelStatus {
  model: IModel;
  state: ModelState;
  progress: number;
  error: string;
  memory: IMemoryUse;
  stats: IEngineStats;
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

/** `GET llm/models`. */
export interface IModelsBody {
  data: IModelStatus[];
  models_dirs: string[];
}

/** `GET llm/vram`. */
export interface IMemoryBody {
  data: IDevice[];
}
