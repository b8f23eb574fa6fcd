import type { IRecipe } from '../types';
import type { IServiceRequest } from './api';

/** What was typed into the form; empty where the recipe decides. */
export interface IServiceForm {
  recipe: string;
  name: string;
  model: string;
  gpus: string;
  minutes: string;
  nodes: string;
  replicas: string;
}

export const EMPTY_FORM: IServiceForm = {
  recipe: '',
  name: '',
  model: '',
  gpus: '',
  minutes: '',
  nodes: '',
  replicas: ''
};

/** The variable that names the model, in every recipe of the kind `inference`. */
const MODEL = 'MODEL';

/** What the form asks for, and nothing else. */
export function requestOf(
  form: IServiceForm,
  recipe: IRecipe
): IServiceRequest {
  const resources = numbers({
    gpu: form.gpus,
    time_limit: form.minutes,
    nodes: form.nodes
  });
  const config = {
    ...(Object.keys(resources).length > 0 && { resources }),
    ...(form.model.trim() && { environment: { [MODEL]: form.model.trim() } }),
    ...numbers({ replicas: form.replicas })
  };
  return {
    recipe_name: recipe.name,
    ...(form.name.trim() && { name: form.name.trim() }),
    ...(Object.keys(config).length > 0 && { config })
  };
}

/** The model that a recipe takes if none is named; `null` for one that needs no model. */
export function modelOf({ kind, environment }: IRecipe): string | null {
  if (kind !== 'inference') {
    return null;
  }
  const named = Object.entries(environment).find(([name]) =>
    name.endsWith(MODEL)
  );
  return named?.[1] ?? '';
}

function numbers<Name extends string>(
  typed: Record<Name, string>
): Partial<Record<Name, number>> {
  const given = Object.entries<string>(typed).filter(([, text]) => text !== '');
  return Object.fromEntries(
    given.map(([name, text]) => [name, Number(text)])
  ) as Partial<Record<Name, number>>;
}
