import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { IEngineInfo, IServerStatus } from '../types';

/** The server itself: its version, its engines, and what it complains of. */
export function About(props: {
  status: IServerStatus;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { status, trans } = props;
  const complaints = [...status.hints, ...status.device_hints];
  const { error } = status.registry;
  return (
    <>
      <p className="jp-LLM-muted">
        {trans.__(
          'jupyter-llm %1, running since %2',
          status.version,
          new Date(status.started_at * 1000).toLocaleString()
        )}
      </p>
      {error && (
        <p className="jp-LLM-failure" role="alert">
          {trans.__('Nothing is counted: %1', error)}
        </p>
      )}
      {complaints.map(text => (
        <p key={text} className="jp-LLM-note">
          {text}
        </p>
      ))}
      <ul className="jp-LLM-engines" aria-label={trans.__('Engines')}>
        {status.engines.map(engine => (
          <Engine key={engine.name} engine={engine} trans={trans} />
        ))}
      </ul>
    </>
  );
}

function Engine(props: {
  engine: IEngineInfo;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { engine, trans } = props;
  const { name, installed, version, device, reason, install_command } = engine;
  return (
    <li>
      <strong>{name}</strong>{' '}
      <span className="jp-LLM-muted">
        {installed
          ? [version, device].filter(Boolean).join(' · ')
          : reason || trans.__('not installed')}
      </span>
      {!installed && install_command && <code>{install_command}</code>}
    </li>
  );
}
