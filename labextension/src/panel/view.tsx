import type { TranslationBundle } from '@jupyterlab/translation';
import { refreshIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { ISnapshot, Problem } from '../tokens';
import type { IModelStatus } from '../types';
import { MemoryBar } from './memory';
import { type IModelActions, ModelItem } from './model';
import { Welcome } from './welcome';

export interface IModelsViewProps extends IModelActions {
  snapshot: ISnapshot;
  onRefresh: () => void;
  trans: TranslationBundle;
}

/** Models that come with the package: useful, but not what people come for. */
const BUILT_IN = ['guide', 'echo'];

/** The whole panel, from one snapshot. */
export function ModelsView(props: IModelsViewProps): React.JSX.Element {
  const { trans } = props;
  return (
    <>
      <header className="jp-LLM-header">
        <h2>{trans.__('Language Models')}</h2>
        <button
          className="jp-LLM-icon-button"
          title={trans.__('Refresh')}
          onClick={props.onRefresh}
        >
          <refreshIcon.react tag="span" />
        </button>
      </header>
      <Body {...props} />
    </>
  );
}

function Body(props: IModelsViewProps): React.JSX.Element {
  const { snapshot, trans } = props;
  const { models, problem } = snapshot;
  if (!snapshot.asked) {
    return <p className="jp-LLM-note">{trans.__('Asking the server…')}</p>;
  }
  if (problem && problem !== 'offline') {
    return <Note problem={problem} trans={trans} />;
  }
  return (
    <>
      {problem && <Note problem={problem} trans={trans} />}
      {snapshot.devices.map(device => (
        <MemoryBar key={device.id} device={device} trans={trans} />
      ))}
      <ModelList {...props} />
      {models.every(({ model }) => BUILT_IN.includes(model.id)) && (
        <Welcome modelsDirs={snapshot.modelsDirs} trans={trans} />
      )}
    </>
  );
}

function ModelList(props: IModelsViewProps): React.JSX.Element {
  const { snapshot, trans } = props;
  return (
    <ul className="jp-LLM-models" aria-label={trans.__('Models')}>
      {inOrder(snapshot.models).map(status => (
        <ModelItem
          key={status.model.id}
          {...props}
          status={status}
          refusal={snapshot.refusals.get(status.model.id)}
          mayWrite={snapshot.permissions.write}
        />
      ))}
    </ul>
  );
}

/** Models of one's own come first. */
function inOrder(models: readonly IModelStatus[]): IModelStatus[] {
  const rank = ({ model }: IModelStatus): number => BUILT_IN.indexOf(model.id);
  return [...models].sort((one, other) => rank(one) - rank(other));
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
