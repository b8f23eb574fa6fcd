import type { TranslationBundle } from '@jupyterlab/translation';
import { refreshIcon, searchIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { KeysModel } from '../keys/model';
import type { ServicesModel } from '../services/model';
import type { ISnapshot, Problem } from '../tokens';
import type { IPanelActions } from './actions';
import { Announcer } from './announcer';
import { IconButton } from './button';
import { isBuiltIn } from './facts';
import { useKeptFocus } from './focus';
import type { PanelModel } from './model';
import { Sections } from './sections';
import { Welcome } from './welcome';

export interface IPanelViewProps {
  snapshot: ISnapshot;
  state: PanelModel;
  actions: IPanelActions;
  /** The API keys, where this place shows them. */
  keys?: KeysModel;
  /** What was started from recipes. */
  services?: ServicesModel;
  trans: TranslationBundle;
}

/** The whole panel, from one snapshot. */
export function PanelView(props: IPanelViewProps): React.JSX.Element {
  const { snapshot, actions, trans } = props;
  const root = React.useRef<HTMLDivElement>(null);
  useKeptFocus(root, props.state.wanted);
  return (
    <div ref={root} className="jp-LLM-view">
      <header className="jp-LLM-header">
        <h2>{trans.__('Language Models')}</h2>
        <span className="jp-LLM-actions">
          {snapshot.permissions.write && (
            <IconButton
              icon={searchIcon}
              label={trans.__('Find models on the Hub')}
              onClick={actions.onOpenSearch}
            />
          )}
          <IconButton
            icon={refreshIcon}
            label={trans.__('Refresh')}
            onClick={actions.onRefresh}
          />
        </span>
      </header>
      <Announcer snapshot={snapshot} trans={trans} />
      <Body {...props} />
    </div>
  );
}

function Body(props: IPanelViewProps): React.JSX.Element {
  const { snapshot, trans } = props;
  const { models, permissions, problem } = snapshot;
  if (!snapshot.asked) {
    return <p className="jp-LLM-note">{trans.__('Asking the server…')}</p>;
  }
  if (problem && problem !== 'offline') {
    return <Note problem={problem} trans={trans} />;
  }
  const isFirstRun = models.every(({ model }) => isBuiltIn(model));
  return (
    <>
      {problem && <Note problem={problem} trans={trans} />}
      {isFirstRun && permissions.write && <Welcome {...props} />}
      <Sections {...props} />
    </>
  );
}

function Note(props: {
  problem: Problem;
  trans: TranslationBundle;
}): React.JSX.Element {
  return (
    <p className="jp-LLM-note" role="alert">
      {explain(props.problem, props.trans)}
    </p>
  );
}

function explain(problem: Problem, trans: TranslationBundle): string {
  switch (problem) {
    case 'missing':
      return trans.__(
        'This server does not run jupyter-llm. Install it where the server runs and restart the server.'
      );
    case 'forbidden':
      return trans.__(
        'You may not see the models of this server. Log in again, or ask whoever runs it.'
      );
    case 'offline':
      return trans.__('The server does not answer. Trying again…');
  }
}
