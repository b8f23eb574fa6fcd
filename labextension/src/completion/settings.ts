import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import type { TranslationBundle } from '@jupyterlab/translation';

/** What people decide about completions, in the settings of JupyterLab's inline completer. */
export interface ICompletionSettings {
  readonly enabled: boolean;
  /** The id of a model; empty for whichever is loaded and fit for it. */
  readonly model: string;
  /** How many characters around the cursor the model reads at most. */
  readonly contextCharacters: number;
  /** How many tokens a completion has at most. */
  readonly maxTokens: number;
}

/** A model is asked only by those who want it: it computes on the cores that kernels use. */
export const DEFAULTS: ICompletionSettings = {
  enabled: false,
  model: '',
  contextCharacters: 4000,
  maxTokens: 64
};

/** Time without a key that lets a request go, and time that its first word may take. */
const PACE = { debouncerDelay: 300, timeout: 10_000, autoFillInMiddle: true };

/** The part of the inline completer's settings that is ours. */
export function schemaOf(trans: TranslationBundle): ISettingRegistry.IProperty {
  return {
    type: 'object',
    default: { ...DEFAULTS, ...PACE },
    properties: {
      model: {
        type: 'string',
        title: trans.__('Model'),
        description: trans.__(
          'The id of the model to ask; empty for one that is loaded and fills gaps in code. No model is loaded for a completion.'
        )
      },
      contextCharacters: {
        type: 'number',
        minimum: 200,
        title: trans.__('Context'),
        description: trans.__(
          'How many characters before and behind the cursor the model reads at most, in this cell and those around it.'
        )
      },
      maxTokens: {
        type: 'number',
        minimum: 1,
        title: trans.__('Length'),
        description: trans.__('How many tokens a completion has at most.')
      }
    }
  };
}

/** Settings as JupyterLab passes them on; what is missing or odd is as by default. */
export function readSettings(
  given: Readonly<Record<string, unknown>> | undefined
): ICompletionSettings {
  const { enabled, model, contextCharacters, maxTokens } = given ?? {};
  return {
    enabled: enabled === true,
    model: typeof model === 'string' ? model.trim() : DEFAULTS.model,
    contextCharacters:
      positive(contextCharacters) ?? DEFAULTS.contextCharacters,
    maxTokens: positive(maxTokens) ?? DEFAULTS.maxTokens
  };
}

function positive(value: unknown): number | undefined {
  return typeof value === 'number' && value > 0 ? value : undefined;
}
