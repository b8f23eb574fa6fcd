import * as React from 'react';

/** One line of a form, with its label above it; numbers begin with 1. */
export function Field(props: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  type?: string;
  placeholder?: string;
  maxLength?: number;
}): React.JSX.Element {
  const { label, onChange, type = 'text', ...others } = props;
  return (
    <label className="jp-LLM-field">
      <span>{label}</span>
      <input
        {...others}
        className="jp-LLM-input"
        type={type}
        autoComplete="off"
        {...(type === 'number' && { min: 1 })}
        onChange={event => {
          onChange(event.target.value);
        }}
      />
    </label>
  );
}
