import { Token } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';

import type { IDevice, IModelStatus } from './types';

/**
 * Why the server did not say how its models stand: it does not run the extension,
 * it does not let this user see them, or it cannot be reached.
 */
export type Problem = 'missing' | 'forbidden' | 'offline';

/** One consistent picture of the server; replaced, never changed. */
export interface ISnapshot {
  /** Whether the server has been asked yet. */
  readonly asked: boolean;
  readonly models: readonly IModelStatus[];
  /** The folders that the server looks for models in. */
  readonly modelsDirs: readonly string[];
  readonly devices: readonly IDevice[];
  /** Whether this user may load and unload models. */
  readonly mayWrite: boolean;
  readonly problem: Problem | null;
  /** Why the last load or unload was refused, by model id. */
  readonly refusals: ReadonlyMap<string, string>;
}

/** Knows the models of the notebook server; loads and unloads them. */
export interface IModelManager extends IDisposable {
  readonly snapshot: ISnapshot;
  readonly changed: ISignal<IModelManager, ISnapshot>;
  /** Keep the snapshot fresh while somebody looks at it; ask nothing otherwise. */
  watch(isVisible: boolean): void;
  /** Resolves once the server has been asked again. */
  refresh(): Promise<void>;
  /** Never rejects: a refusal becomes part of the snapshot. */
  load(modelId: string): Promise<void>;
  /** Never rejects: a refusal becomes part of the snapshot. */
  unload(modelId: string): Promise<void>;
}

export const IModelManager = new Token<IModelManager>(
  '@jupyter-llm/labextension:IModelManager',
  'Knows the language models of the notebook server; loads and unloads them.'
);
