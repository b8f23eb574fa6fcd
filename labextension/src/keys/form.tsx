import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Field } from '../field';
import type { IKeyRequest, Scope } from './api';
import {
  EMPTY_FORM,
  type IKeyForm,
  isComplete,
  requestOf,
  SCOPES
} from './request';

/** Asks for a new key; limits are folded away, as most keys have none. */
export function KeyForm(props: {
  trans: TranslationBundle;
  onCreate: (request: IKeyRequest) => Promise<boolean>;
}): React.JSX.Element {
  const { trans, onCreate } = props;
  const [form, setForm] = React.useState(EMPTY_FORM);
  const change = (news: Partial<IKeyForm>): void => {
    setForm({ ...form, ...news });
  };
  const submit = async (): Promise<void> => {
    if (await onCreate(requestOf(form))) {
      setForm(EMPTY_FORM);
    }
  };
  return (
    <form
      className="jp-LLM-key-form"
      onSubmit={event => {
        event.preventDefault();
        void submit();
      }}
    >
      <Field
        label={trans.__('Name of a new key')}
        value={form.name}
        maxLength={200}
        onChange={name => {
          change({ name });
        }}
      />
      <Scopes scopes={form.scopes} trans={trans} onChange={change} />
      <details>
        <summary>{trans.__('Limits')}</summary>
        <Limits form={form} trans={trans} onChange={change} />
      </details>
      <button
        className="jp-LLM-button"
        type="submit"
        disabled={!isComplete(form)}
      >
        {trans.__('Create key')}
      </button>
    </form>
  );
}

function Scopes(props: {
  scopes: readonly Scope[];
  trans: TranslationBundle;
  onChange: (news: Partial<IKeyForm>) => void;
}): React.JSX.Element {
  const { scopes, trans, onChange } = props;
  const labels: Record<Scope, string> = {
    read: trans.__('See models'),
    execute: trans.__('Ask models'),
    write: trans.__('Load, download and delete models')
  };
  return (
    <fieldset className="jp-LLM-scopes">
      <legend>{trans.__('It may')}</legend>
      {SCOPES.map(scope => (
        <label key={scope}>
          <input
            type="checkbox"
            checked={scopes.includes(scope)}
            onChange={({ target }) => {
              const others = scopes.filter(one => one !== scope);
              onChange({
                scopes: target.checked ? [...others, scope] : others
              });
            }}
          />
          {labels[scope]}
        </label>
      ))}
    </fieldset>
  );
}

function Limits(props: {
  form: IKeyForm;
  trans: TranslationBundle;
  onChange: (news: Partial<IKeyForm>) => void;
}): React.JSX.Element {
  const { form, trans, onChange } = props;
  const number = (
    field: 'expiresDays' | 'requestsPerMinute' | 'tokensPerDay',
    label: string
  ): React.JSX.Element => (
    <Field
      label={label}
      value={form[field]}
      type="number"
      placeholder={trans.__('no limit')}
      onChange={value => {
        onChange({ [field]: value });
      }}
    />
  );
  return (
    <>
      {number('expiresDays', trans.__('Valid for days'))}
      {number('requestsPerMinute', trans.__('Requests a minute'))}
      {number('tokensPerDay', trans.__('Tokens a day'))}
      <Field
        label={trans.__('Models, by name')}
        value={form.models}
        placeholder={trans.__('all')}
        onChange={models => {
          onChange({ models });
        }}
      />
    </>
  );
}
