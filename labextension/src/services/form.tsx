import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Field } from '../field';
import type { IRecipe } from '../types';
import type { IServiceRequest } from './api';
import { EMPTY_FORM, type IServiceForm, modelOf, requestOf } from './request';

/** Starts a service from a recipe; what is left empty is as the recipe says. */
export function ServiceForm(props: {
  recipes: readonly IRecipe[];
  /** Resolves to whether it was begun. */
  onStart: (request: IServiceRequest) => Promise<boolean>;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { recipes, onStart, trans } = props;
  const [form, setForm] = React.useState(EMPTY_FORM);
  const recipe = recipes.find(({ name }) => name === form.recipe) ?? recipes[0];
  if (!recipe) {
    return <p className="jp-LLM-note">{trans.__('There are no recipes.')}</p>;
  }
  const submit = async (): Promise<void> => {
    if (await onStart(requestOf(form, recipe))) {
      setForm({ ...EMPTY_FORM, recipe: recipe.name });
    }
  };
  return (
    <form
      className="jp-LLM-service-form"
      aria-label={trans.__('Start a service')}
      onSubmit={event => {
        event.preventDefault();
        void submit();
      }}
    >
      <label className="jp-LLM-field">
        <span>{trans.__('Recipe')}</span>
        <select
          className="jp-LLM-input"
          value={recipe.name}
          onChange={({ target }) => {
            setForm({ ...EMPTY_FORM, recipe: target.value });
          }}
        >
          {recipes.map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <p className="jp-LLM-muted">{recipe.description}</p>
      <Fields form={form} recipe={recipe} onChange={setForm} trans={trans} />
      <button className="jp-LLM-button" type="submit">
        {trans.__('Start')}
      </button>
    </form>
  );
}

function Fields(props: {
  form: IServiceForm;
  recipe: IRecipe;
  onChange: (form: IServiceForm) => void;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { form, recipe, trans } = props;
  const { resources } = recipe;
  const none = trans.__('none');
  const field = (
    name: Exclude<keyof IServiceForm, 'recipe'>,
    label: string,
    placeholder: string,
    type = 'number'
  ): React.JSX.Element => (
    <Field
      label={label}
      value={form[name]}
      placeholder={placeholder}
      type={type}
      onChange={value => {
        props.onChange({ ...form, [name]: value });
      }}
    />
  );
  const model = modelOf(recipe);
  return (
    <>
      {model !== null && field('model', trans.__('Model'), model, 'text')}
      {field('gpus', trans.__('GPUs of each node'), `${resources.gpu ?? none}`)}
      {field(
        'minutes',
        trans.__('Minutes at most'),
        `${resources.time_limit ?? trans.__('no limit')}`
      )}
      {recipe.max_nodes > 1 &&
        field('nodes', trans.__('Nodes'), `${resources.nodes}`)}
      {recipe.replicas > 1 &&
        field('replicas', trans.__('Replicas'), `${recipe.replicas}`)}
      {field('name', trans.__('Name'), trans.__('that of the model'), 'text')}
    </>
  );
}
