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
