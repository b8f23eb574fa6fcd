import type { ISettingRegistry } from '@jupyterlab/settingregistry';

import type { LoadRequest } from '../tokens';

/** A repository that is offered while there are only built-in models. */
export interface ISuggestion {
  repo_id: string;
  note?: string;
}

/** What people decide in Lab's settings; see `schema/panel.json`. */
export interface IPanelSettings {
  readonly showBuiltIn: boolean;
  readonly loadOptions: LoadRequest;
  readonly suggestions: readonly ISuggestion[];
}

/** What holds where nobody decided anything; the schema says the same. */
export const DEFAULT_SETTINGS: IPanelSettings = {
  showBuiltIn: true,
  loadOptions: {},
  suggestions: [
    { repo_id: 'Qwen/Qwen3-0.6B-GGUF', note: 'Quick on any machine' },
    { repo_id: 'Qwen/Qwen3-4B-GGUF', note: 'Good answers on a laptop' },
    {
      repo_id: 'ggml-org/gemma-3-4b-it-GGUF',
      note: 'Sees images, many languages'
    },
    { repo_id: 'Qwen/Qwen3-8B-GGUF', note: 'Better, with 8 GB to spare' },
    {
      repo_id: 'ggml-org/gpt-oss-20b-GGUF',
      note: 'Thinks first; wants a GPU or much memory'
    }
  ]
};

/** The settings as Lab has validated them against the schema. */
export function readSettings({
  composite
}: Pick<ISettingRegistry.ISettings, 'composite'>): IPanelSettings {
  return { ...DEFAULT_SETTINGS, ...(composite as Partial<IPanelSettings>) };
}
