import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { INewKey } from '../types';

/** A new key's secret, to be copied: the server cannot tell it again. */
export function NewSecret(props: {
  created: INewKey;
  trans: TranslationBundle;
  onTaken: () => void;
}): React.JSX.Element {
  const { created, trans, onTaken } = props;
  const field = React.useRef<HTMLInputElement>(null);
  const [isCopied, setCopied] = React.useState(false);
  return (
    <div className="jp-LLM-secret" role="status">
      <label>
        <span>
          {trans.__('The key “%1”; it is not shown again:', created.name)}
        </span>
        <input
          ref={field}
          className="jp-LLM-input"
          readOnly
          value={created.key}
          onFocus={event => {
            event.target.select();
          }}
        />
      </label>
      <div className="jp-LLM-actions">
        <button
          className="jp-LLM-button"
          onClick={() => {
            void copy(field.current).then(setCopied);
          }}
        >
          {isCopied ? trans.__('Copied') : trans.__('Copy')}
        </button>
        <button className="jp-LLM-button" onClick={onTaken}>
          {trans.__('Done')}
        </button>
      </div>
    </div>
  );
}

/**
 * Resolves to whether it was copied. Pages of plain HTTP have no clipboard: there the
 * secret is selected, for a person to copy.
 */
async function copy(field: HTMLInputElement | null): Promise<boolean> {
  field?.focus();
  try {
    await navigator.clipboard.writeText(field?.value ?? '');
    return true;
  } catch {
    return false;
  }
}
