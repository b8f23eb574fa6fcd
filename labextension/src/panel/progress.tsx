import * as React from 'react';

/** How far something is, 0 to 1; 0 says that nobody knows. */
export function Progress(props: {
  label: string;
  value: number;
}): React.JSX.Element {
  const isKnown = props.value > 0;
  return (
    <div
      className="jp-LLM-progress"
      role="progressbar"
      aria-label={props.label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={isKnown ? Math.round(100 * props.value) : undefined}
      data-known={isKnown}
    >
      <div style={{ width: isKnown ? `${100 * props.value}%` : '30%' }} />
    </div>
  );
}
