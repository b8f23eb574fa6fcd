import type { ISnapshot } from '../tokens';
import type { IModelEntry, ModelState } from '../types';

/** A model that can be chosen for a chat. */
export interface IModelChoice {
  readonly id: string;
  readonly state: ModelState;
  /** How far its load is, 0 to 1. */
  readonly progress: number;
}

/** Models that come with the package: useful, but not what people come for. */
const BUILT_IN = ['guide', 'echo'];

/** The models that write text, those of one's own first. */
export function modelChoices({ models }: ISnapshot): IModelChoice[] {
  const rank = ({ id }: IModelChoice): number => BUILT_IN.indexOf(id);
  return models
    .filter(writesText)
    .map(({ model, state, progress }) => ({ id: model.id, state, progress }))
    .sort((one, other) => rank(one) - rank(other));
}

/** The model that a new chat asks: one in memory, else one of one's own, else a built-in one. */
export function preferredModel(choices: readonly IModelChoice[]): string {
  const real = choices.filter(({ id }) => id !== 'echo');
  const ready = real.find(({ state }) => state === 'ready');
  return (ready ?? real[0] ?? choices[0])?.id ?? '';
}

function writesText({ model, unavailable }: IModelEntry): boolean {
  return model.modalities.includes('text') && unavailable === '';
}
