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

export const NO_SETTINGS: IPanelSettings = {
  showBuiltIn: true,
  loadOptions: {},
  suggestions: []
};

/** The settings as Lab has validated them against the schema. */
export function readSettings({
  composite
}: Pick<ISettingRegistry.ISettings, 'composite'>): IPanelSettings {
  return { ...NO_SETTINGS, ...(composite as Partial<IPanelSettings>) };
}
