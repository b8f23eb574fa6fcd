/**
 * Where a download stands; one that was cancelled or failed can be resumed. `dismissed` is
 * told once, when it is forgotten.
 */
export type DownloadState =
  'queued' | 'running' | 'done' | 'failed' | 'cancelled' | 'dismissed';

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

/** `GET llm/api/admin/downloads`. */
export interface IDownloadsBody {
  downloads: IDownload[];
}
