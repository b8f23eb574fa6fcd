import { Token } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';

import type {
  IDevice,
  IDownload,
  IHubRepo,
  ILoadOptions,
  IModelEntry,
  IModelMemory,
  IOffersBody,
  ISettingsBody,
  ServerEvent
} from './types';

/**
 * Why the server did not say how its models stand: it does not run the extension,
 * it does not let this user see them, or it cannot be reached.
 */
export type Problem = 'missing' | 'forbidden' | 'offline';

/** What this user may do: see models, ask them, and load, download or delete them. */
export interface IPermissions {
  readonly read: boolean;
  readonly execute: boolean;
  readonly write: boolean;
}

/** Whose the memory was at one moment. */
export interface IMemorySample {
  /** Seconds since 1970. */
  readonly at: number;
  readonly devices: readonly IDevice[];
  readonly memory: readonly IModelMemory[];
}

/** One consistent picture of the server; replaced, never changed. */
export interface ISnapshot {
  /** Whether the server has been asked yet. */
  readonly asked: boolean;
  /** Whether events come as they happen, rather than answers every few seconds. */
  readonly isLive: boolean;
  readonly problem: Problem | null;
  readonly permissions: IPermissions;
  readonly models: readonly IModelEntry[];
  /** The folders that the server looks for models in. */
  readonly modelsDirs: readonly string[];
  readonly devices: readonly IDevice[];
  /** What each model in memory holds. */
  readonly memory: readonly IModelMemory[];
  /** Who had what of each device's memory in the last minutes, oldest first. */
  readonly history: readonly IMemorySample[];
  /** Tokens per second of each model that has written some just now, by its id. */
  readonly speeds: ReadonlyMap<string, number>;
  /** The model that answers requests which name none; empty if there is none. */
  readonly activeId: string;
  /** Downloads, those on their way first. */
  readonly downloads: readonly IDownload[];
  /** Why the last load, unload or switch was refused, by model id. */
  readonly refusals: ReadonlyMap<string, string>;
}

/** How to load a model; `keep_alive` is in seconds, -1 for ever. */
export type LoadRequest = Partial<ILoadOptions> & { keep_alive?: number };

/** Knows the models of the notebook server and what happens to them; acts on them. */
export interface IModelManager extends IDisposable {
  readonly snapshot: ISnapshot;
  readonly changed: ISignal<IModelManager, ISnapshot>;
  /** Every event of the server as it comes, while somebody watches. */
  readonly heard: ISignal<IModelManager, ServerEvent>;
  /** Keep the snapshot fresh until the watch is disposed; nothing is asked while nobody watches. */
  watch(): IDisposable;
  /** Resolves once the server has been asked again; never rejects. */
  refresh(): Promise<void>;
  /** Never rejects: a refusal becomes part of the snapshot. */
  load(modelId: string, request?: LoadRequest): Promise<void>;
  /** Make a model the one that answers where none is named; never rejects. */
  switchTo(modelId: string, request?: LoadRequest): Promise<void>;
  /** Never rejects: a refusal becomes part of the snapshot. */
  unload(modelId: string): Promise<void>;
  /** Rejects with the server's reason, as everything below does. */
  search(text: string): Promise<IHubRepo[]>;
  offers(repoId: string): Promise<IOffersBody>;
  /**
   * Begin a download or go on with it; without a file, what suits the machine.
   * It is loaded when it is done, if `load` says so.
   */
  download(
    repoId: string,
    options?: { filename?: string; load?: boolean }
  ): Promise<IDownload>;
  cancelDownload(downloadId: string): Promise<void>;
  /** Stop a download, delete what is not whole of it, and forget it. */
  dismissDownload(downloadId: string): Promise<void>;
  /** Delete a model's files; resolves with the bytes that are free now. */
  deleteModel(modelId: string): Promise<number>;
  /** Have a model in memory stay for so many idle seconds, -1 for ever. */
  keepAlive(modelId: string, seconds: number): Promise<void>;
  /** How a model is loaded where nobody says otherwise. */
  savedSettings(modelId: string): Promise<ISettingsBody>;
  saveOptions(modelId: string, options: Partial<ILoadOptions>): Promise<void>;
}

export const IModelManager = new Token<IModelManager>(
  '@jupyter-llm/labextension:IModelManager',
  'Knows the language models of the notebook server and acts on them.'
);
