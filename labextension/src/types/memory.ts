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
