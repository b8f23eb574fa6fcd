import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { IKey } from '../types';

/** One key: what it is for, how far it goes, and a button that asks before it revokes. */
export function KeyItem(props: {
  apiKey: IKey;
  trans: TranslationBundle;
  onRevoke: (name: string) => void;
}): React.JSX.Element {
  const { apiKey, trans, onRevoke } = props;
  const [isSure, setSure] = React.useState(false);
  const { name } = apiKey;
  return (
    <li className="jp-LLM-key" data-key={name}>
      <div className="jp-LLM-key-text">
        <span className="jp-LLM-key-name">{name}</span>
        <span className="jp-LLM-muted">{describe(apiKey, trans)}</span>
      </div>
      {isSure ? (
        <>
          <button
            className="jp-LLM-button jp-LLM-danger"
            autoFocus
            onClick={() => {
              onRevoke(name);
            }}
          >
            {trans.__('Revoke %1 now', name)}
          </button>
          <button
            className="jp-LLM-button"
            onClick={() => {
              setSure(false);
            }}
          >
            {trans.__('Keep')}
          </button>
        </>
      ) : (
        <button
          className="jp-LLM-button"
          aria-label={trans.__('Revoke %1', name)}
          onClick={() => {
            setSure(true);
          }}
        >
          {trans.__('Revoke')}
        </button>
      )}
    </li>
  );
}

/** Scopes, end and limits of a key, and what it has used today. */
function describe(key: IKey, trans: TranslationBundle): string {
  const facts = [
    key.scopes.join(', '),
    key.models && trans.__('only %1', key.models.join(', ')),
    key.expires && untilLabel(new Date(key.expires), trans),
    key.requests_per_minute > 0 &&
      trans.__('%1 requests/min', key.requests_per_minute),
    key.tokens_per_day > 0
      ? trans.__('%1 of %2 tokens today', key.tokens_today, key.tokens_per_day)
      : key.tokens_today > 0 && trans.__('%1 tokens today', key.tokens_today)
  ];
  return facts.filter(Boolean).join(' · ');
}

function untilLabel(end: Date, trans: TranslationBundle): string {
  const day = end.toLocaleDateString();
  return end.getTime() < Date.now()
    ? trans.__('expired %1', day)
    : trans.__('until %1', day);
}
