import type { LabIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

export interface IIconButtonProps {
  icon: LabIcon;
  label: string;
  onClick: () => void;
  isDisabled?: boolean;
  /** For a button that opens something: whether it is open. */
  isExpanded?: boolean;
  className?: string;
}

/** A button that shows a picture; its label is for the pointer and for screen readers. */
export const IconButton = React.forwardRef<HTMLButtonElement, IIconButtonProps>(
  function IconButton(props, ref) {
    const { icon: Icon, label } = props;
    return (
      <button
        ref={ref}
        type="button"
        className={`jp-LLM-icon-button ${props.className ?? ''}`.trim()}
        title={label}
        aria-label={label}
        aria-expanded={props.isExpanded}
        disabled={props.isDisabled ?? false}
        onClick={props.onClick}
      >
        <Icon.react tag="span" />
      </button>
    );
  }
);
