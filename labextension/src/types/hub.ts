import type { Fit } from './model';

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
