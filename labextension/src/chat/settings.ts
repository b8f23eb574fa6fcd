import { type ISampling, SERVER_DEFAULTS } from './tokens';

/** What the settings say of how models answer; the schema has checked their types. */
export function samplingOf(settings: Record<string, unknown>): ISampling {
  const number = (name: string): number | null => {
    const value = settings[name];
    return typeof value === 'number' ? value : null;
  };
  const { systemPrompt } = settings;
  return {
    ...SERVER_DEFAULTS,
    systemPrompt: typeof systemPrompt === 'string' ? systemPrompt : '',
    temperature: number('temperature'),
    topP: number('topP'),
    maxTokens: number('maxTokens')
  };
}
