import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { LoadRequest } from '../tokens';
import type { IModelEntry, ISettingsBody } from '../types';
import type { IPanelActions } from './actions';
import { Button } from './button';
import { KV_TYPES, NUMBER_OPTIONS, requestOf, wordsFor } from './loadform';
import type { Asked } from './model';

export interface IOptionsFormProps {
  entry: IModelEntry;
  /** Models that could guess for this one. */
  drafts: readonly string[];
  saved: Asked<ISettingsBody>;
  /** What the person's own settings say. */
  defaults: LoadRequest;
  actions: Pick<IPanelActions, 'onSubmitOptions' | 'onCloseOptions'>;
  trans: TranslationBundle;
}

/** How to load one model; what is left empty the server decides. */
export function OptionsForm(
  props: IOptionsFormProps
): React.JSX.Element | null {
  const { entry, saved, actions, trans } = props;
  if (saved.state === 'waiting') {
    return null; // a form that changes below one's hands is worse than none
  }
  const { id } = entry.model;
  return (
    <form
      className="jp-LLM-form"
      aria-label={trans.__('Load options of %1', id)}
      onSubmit={event => {
        event.preventDefault();
        const form = new FormData(event.currentTarget);
        actions.onSubmitOptions(id, requestOf(form), form.has('remember'));
      }}
      onKeyDown={event => {
        if (event.key === 'Escape') {
          actions.onCloseOptions();
        }
      }}
    >
      <Fields {...props} initial={initialOf(props)} />
      <label className="jp-LLM-check">
        <input type="checkbox" name="remember" />{' '}
        {trans.__('Remember for this model')}
      </label>
      <div className="jp-LLM-actions">
        <Button
          type="submit"
          isPrimary
          label={
            entry.state === 'ready' ? trans.__('Load anew') : trans.__('Load')
          }
          of={trans.__('%1 with these options', id)}
        />
        <Button label={trans.__('Close')} onClick={actions.onCloseOptions} />
      </div>
    </form>
  );
}

function Fields(
  props: IOptionsFormProps & { initial: LoadRequest }
): React.JSX.Element {
  const { initial, drafts, entry, trans } = props;
  const [speculation, setSpeculation] = React.useState(
    initial.speculation ?? ''
  );
  return (
    <div className="jp-LLM-fields">
      {NUMBER_OPTIONS.map((name, index) => {
        const { label, caption } = wordsFor(name, trans);
        return (
          <Field key={name} label={label} caption={caption}>
            <input
              className="jp-LLM-input"
              type="number"
              name={name}
              min={name === 'num_gpu_layers' ? -1 : 1}
              step={1}
              max={name === 'context_length' ? maxContext(entry) : undefined}
              defaultValue={initial[name] ?? ''}
              placeholder={trans.__('automatic')}
              autoFocus={index === 0}
            />
          </Field>
        );
      })}
      <Field
        label={trans.__('KV cache type')}
        caption={trans.__('Fewer bits take less memory, and may cost quality')}
      >
        <Select
          name="kv_type"
          initial={initial.kv_type ?? ''}
          choices={KV_TYPES.map(kind => [kind, kind])}
          trans={trans}
        />
      </Field>
      <Field
        label={trans.__('Guess ahead')}
        caption={trans.__('Several tokens in one step; answers stay the same')}
      >
        <Select
          name="speculation"
          initial={speculation}
          onChange={setSpeculation}
          choices={[
            ['none', trans.__('no')],
            ['prompt_lookup', trans.__('from prompt')],
            ['draft_model', trans.__('draft model')]
          ]}
          trans={trans}
        />
      </Field>
      {speculation === 'draft_model' && (
        <Field
          label={trans.__('Draft model')}
          caption={trans.__('A smaller model with the same vocabulary')}
        >
          <Select
            name="draft_model"
            initial={initial.draft_model ?? drafts[0] ?? ''}
            choices={drafts.map(id => [id, id])}
            isRequired
            trans={trans}
          />
        </Field>
      )}
    </div>
  );
}

function Field(props: {
  label: string;
  caption: string;
  children: React.ReactNode;
}): React.JSX.Element {
  return (
    <label title={props.caption}>
      <span>{props.label}</span>
      {props.children}
    </label>
  );
}

function Select(props: {
  name: string;
  initial: string;
  choices: [value: string, label: string][];
  isRequired?: boolean;
  onChange?: (value: string) => void;
  trans: TranslationBundle;
}): React.JSX.Element {
  return (
    <select
      name={props.name}
      defaultValue={props.initial}
      required={props.isRequired}
      onChange={event => {
        props.onChange?.(event.target.value);
      }}
    >
      {!props.isRequired && (
        <option value="">{props.trans.__('automatic')}</option>
      )}
      {props.choices.map(([value, label]) => (
        <option key={value} value={value}>
          {label}
        </option>
      ))}
    </select>
  );
}

/** What was saved for the model, and else what the person's settings say. */
function initialOf({ saved, defaults }: IOptionsFormProps): LoadRequest {
  const options = saved.state === 'here' ? saved.value.options : {};
  return { ...defaults, ...options };
}

function maxContext({ model }: IModelEntry): number | undefined {
  return model.context_length || undefined;
}
