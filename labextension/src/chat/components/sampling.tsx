import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { type ISampling, SERVER_DEFAULTS } from '../tokens';

/** What a number of the form may be. */
interface INumberField {
  name: 'temperature' | 'topP' | 'maxTokens' | 'seed';
  label: string;
  hint: string;
  min?: number;
  max?: number;
  step: number | 'any';
}

/** How the model is to answer in this conversation. */
export function SamplingForm(props: {
  sampling: ISampling;
  onChange: (sampling: ISampling) => void;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { sampling, onChange, trans } = props;
  return (
    <form
      className="jp-LLM-chat-sampling"
      aria-label={trans.__('How the model answers')}
      onSubmit={event => {
        event.preventDefault();
      }}
    >
      <Instructions
        value={sampling.systemPrompt}
        onChange={systemPrompt => {
          onChange({ ...sampling, systemPrompt });
        }}
        trans={trans}
      />
      {numberFields(trans).map(field => (
        <NumberInput
          key={field.name}
          field={field}
          value={sampling[field.name]}
          placeholder={trans.__('default')}
          onChange={value => {
            onChange({ ...sampling, [field.name]: value });
          }}
        />
      ))}
      <button
        type="button"
        className="jp-LLM-button jp-mod-wide"
        onClick={() => {
          onChange(SERVER_DEFAULTS);
        }}
      >
        {trans.__('Back to the defaults of the server')}
      </button>
    </form>
  );
}

/** What is typed is there at once: a field that waited for it to come back would lose its place. */
function useDraft(
  value: string
): [string, React.Dispatch<React.SetStateAction<string>>] {
  const [draft, setDraft] = React.useState(value);
  React.useEffect(() => {
    setDraft(value);
  }, [value]);
  return [draft, setDraft];
}

function Instructions(props: {
  value: string;
  onChange: (value: string) => void;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { trans } = props;
  const [text, setText] = useDraft(props.value);
  return (
    <label className="jp-mod-wide">
      <span>{trans.__('Instructions')}</span>
      <textarea
        className="jp-LLM-chat-field"
        rows={3}
        value={text}
        placeholder={trans.__('Such as: answer briefly, in French')}
        onChange={event => {
          setText(event.target.value);
          props.onChange(event.target.value);
        }}
      />
    </label>
  );
}

function NumberInput(props: {
  field: INumberField;
  value: number | null;
  placeholder: string;
  onChange: (value: number | null) => void;
}): React.JSX.Element {
  const { name, label, hint, ...bounds } = props.field;
  const [text, setText] = useDraft(textOf(props.value));
  return (
    <label title={hint}>
      <span>{label}</span>
      <input
        className="jp-LLM-chat-field"
        type="number"
        name={name}
        {...bounds}
        value={text}
        placeholder={props.placeholder}
        onChange={event => {
          const { value, validity, valueAsNumber } = event.target;
          setText(value);
          if (validity.valid) {
            props.onChange(value === '' ? null : valueAsNumber);
          }
        }}
      />
    </label>
  );
}

function textOf(value: number | null): string {
  return value === null ? '' : `${value}`;
}

function numberFields(trans: TranslationBundle): INumberField[] {
  return [
    {
      name: 'temperature',
      label: trans.__('Temperature'),
      hint: trans.__('0 always takes the likeliest token, 2 is wild'),
      min: 0,
      max: 2,
      step: 'any'
    },
    {
      name: 'topP',
      label: trans.__('Top P'),
      hint: trans.__('Only the likeliest tokens that together reach this'),
      min: 0,
      max: 1,
      step: 'any'
    },
    {
      name: 'maxTokens',
      label: trans.__('Tokens at most'),
      hint: trans.__('The answer ends there at the latest'),
      min: 1,
      step: 1
    },
    {
      name: 'seed',
      label: trans.__('Seed'),
      hint: trans.__('The same seed gives the same answer'),
      step: 1
    }
  ];
}
