import type { IRestAPI } from '../src/restapi';
import type {
  IDevice,
  IEngineStats,
  IModelsBody,
  IModelStatus,
  ModelState
} from '../src/types';

const IDLE: IEngineStats = {
  slots: 0,
  context_length: 0,
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

export function aStatus(id: string, state: ModelState): IModelStatus {
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
    memory: {
      weights_bytes: 0,
      kv_cache_bytes: 0,
      compute_bytes: 0,
      overhead_bytes: 0
    },
    stats: IDLE
  };
}

/** A server in memory; `gate` holds the next load or unload until it is opened. */
export class FakeServer implements IRestAPI {
  models = [aStatus('guide', 'unloaded')];
  devices: IDevice[] = [];
  canWrite = true;
  /** What every question is answered with. */
  failure: Error | null = null;
  /** What every load and unload is answered with. */
  refusal: Error | null = null;
  questions = 0;
  gate: Promise<void> = Promise.resolve();

  listModels(): Promise<IModelsBody> {
    this.questions += 1;
    return this.failure
      ? Promise.reject(this.failure)
      : Promise.resolve({ data: this.models, models_dirs: ['/models'] });
  }

  listDevices(): Promise<IDevice[]> {
    return Promise.resolve(this.devices);
  }

  load(modelId: string): Promise<void> {
    return this.become(modelId, 'ready');
  }

  unload(modelId: string): Promise<void> {
    return this.become(modelId, 'unloaded');
  }

  mayWrite(): Promise<boolean> {
    return Promise.resolve(this.canWrite);
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
