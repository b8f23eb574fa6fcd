import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { IKeyRequest } from './api';
import { KeyForm } from './form';
import { KeyItem } from './item';
import type { IKeysState } from './model';
import { NewSecret } from './secret';

export interface IKeysViewProps {
  state: IKeysState;
  trans: TranslationBundle;
  /** Resolves to whether there is a new key. */
  onCreate: (request: IKeyRequest) => Promise<boolean>;
  onRevoke: (name: string) => void;
  /** The secret of the new key has been taken. */
  onTaken: () => void;
}

/** The API keys of the server, and a form for another one. */
export function KeysView(props: IKeysViewProps): React.JSX.Element {
  const { state, trans } = props;
  if (state.status === 'unavailable') {
    return <p className="jp-LLM-note">{state.problem}</p>;
  }
  return (
    <div className="jp-LLM-keys">
      {state.problem && (
        <p className="jp-LLM-failure" role="alert">
          {state.problem}
        </p>
      )}
      {state.created && (
        <NewSecret
          created={state.created}
          trans={trans}
          onTaken={props.onTaken}
        />
      )}
      <KeyList {...props} />
      <KeyForm trans={trans} onCreate={props.onCreate} />
    </div>
  );
}

function KeyList(props: IKeysViewProps): React.JSX.Element {
  const { state, trans, onRevoke } = props;
  if (state.keys.length === 0) {
    return (
      <p className="jp-LLM-note">
        {state.status === 'unasked'
          ? trans.__('Asking the server…')
          : trans.__('No program has a key of its own yet.')}
      </p>
    );
  }
  return (
    <ul className="jp-LLM-key-list" aria-label={trans.__('API keys')}>
      {state.keys.map(key => (
        <KeyItem
          key={key.name}
          apiKey={key}
          trans={trans}
          onRevoke={onRevoke}
        />
      ))}
    </ul>
  );
}
