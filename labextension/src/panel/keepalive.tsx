import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { formatSpan } from './format';

const MINUTE_S = 60;
const HOUR_S = 3600;
/** What is offered, in seconds; -1 is for ever. */
const CHOICES_S = [5 * MINUTE_S, 30 * MINUTE_S, 2 * HOUR_S, 8 * HOUR_S, -1];

/** How long a model stays while nobody uses it, and what of that is left. */
export function KeepAlive(props: {
  modelId: string;
  /** `null` for ever. */
  keepAlive_s: number | null;
  /** Seconds since 1970; `null` while somebody uses it. */
  expiresAt: number | null;
  mayChange: boolean;
  onChange: (seconds: number) => void;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { trans, expiresAt } = props;
  const chosen_s = props.keepAlive_s ?? -1;
  const choices = [...new Set([...CHOICES_S, chosen_s])].sort(
    (one, other) => rank(one) - rank(other)
  );
  return (
    <span className="jp-LLM-keep-alive">
      {props.mayChange ? (
        <select
          aria-label={trans.__('How long %1 stays unused', props.modelId)}
          data-focus={`keep ${props.modelId}`}
          value={chosen_s}
          onChange={event => {
            props.onChange(Number(event.target.value));
          }}
        >
          {choices.map(seconds => (
            <option key={seconds} value={seconds}>
              {spanLabel(seconds, trans)}
            </option>
          ))}
        </select>
      ) : (
        spanLabel(chosen_s, trans)
      )}
      {expiresAt !== null && (
        <span className="jp-LLM-muted">
          {trans.__(
            '%1 left',
            formatSpan(expiresAt - Date.now() / 1000, trans)
          )}
        </span>
      )}
    </span>
  );
}

function rank(seconds: number): number {
  return seconds < 0 ? Infinity : seconds;
}

function spanLabel(seconds: number, trans: TranslationBundle): string {
  return seconds < 0
    ? trans.__('until unloaded')
    : trans.__('%1 unused', formatSpan(seconds, trans));
}
