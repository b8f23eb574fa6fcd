import type { LabIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

/** A button with a word on it; `of` names what it is for, where the word alone does not. */
export function Button(props: {
  label: string;
  of?: string;
  /** A name that survives the button, see `useKeptFocus`. */
  focus?: string;
  isPrimary?: boolean;
  isDisabled?: boolean;
  /** Whether it has the focus as soon as it is there. */
  isFirst?: boolean;
  type?: 'button' | 'submit';
  onClick?: () => void;
}): React.JSX.Element {
  return (
    <button
      className={
        props.isPrimary ? 'jp-LLM-button jp-LLM-mod-primary' : 'jp-LLM-button'
      }
      type={props.type ?? 'button'}
      data-focus={props.focus}
      aria-label={props.of ? `${props.label}: ${props.of}` : undefined}
      disabled={props.isDisabled ?? false}
      autoFocus={props.isFirst ?? false}
      onClick={props.onClick}
    >
      {props.label}
    </button>
  );
}

/** A button with a picture on it; `label` is what it is called. */
export function IconButton(props: {
  icon: LabIcon;
  label: string;
  focus?: string;
  hasMenu?: boolean;
  onClick: (button: HTMLElement) => void;
}): React.JSX.Element {
  return (
    <button
      className="jp-LLM-icon-button"
      type="button"
      title={props.label}
      aria-label={props.label}
      aria-haspopup={props.hasMenu ? 'menu' : undefined}
      data-focus={props.focus}
      onClick={event => {
        props.onClick(event.currentTarget);
      }}
    >
      <props.icon.react tag="span" />
    </button>
  );
}
