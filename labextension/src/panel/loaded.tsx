import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { IPermissions } from '../tokens';
import type { IModelEntry } from '../types';
import type { IPanelActions } from './actions';
import { Button } from './button';
import { stateLabel } from './facts';
import { formatBytes, formatTokens, roundForPeople } from './format';
import { KeepAlive } from './keepalive';
import { Swatch } from './memory';
import { MoreButton } from './more';
import { Progress } from './progress';

export interface ILoadedProps {
  entry: IModelEntry;
  /** Tokens per second that it has written just now, 0 for none. */
  speed: number;
  isActive: boolean;
  refusal: string | undefined;
  permissions: IPermissions;
  colours: ReadonlyMap<string, number>;
  actions: IPanelActions;
  trans: TranslationBundle;
}

/** A model in memory, on its way into or out of it, or one that failed. */
export function LoadedModel(props: ILoadedProps): React.JSX.Element {
  const { entry, trans } = props;
  const { model, state } = entry;
  const failure = props.refusal ?? entry.error;
  return (
    <li className="jp-LLM-card" data-model={model.id} data-state={state}>
      <div className="jp-LLM-line">
        <span className="jp-LLM-name">
          {state === 'ready' && (
            <Swatch
              share={{ kind: 'model', id: model.id }}
              colours={props.colours}
            />
          )}
          <span title={model.path || model.engine}>{model.id}</span>
        </span>
        <span className="jp-LLM-standing">
          {state === 'ready' && props.isActive && (
            <span
              className="jp-LLM-tag"
              title={trans.__('Answers requests that name no model')}
            >
              {trans.__('default')}
            </span>
          )}
          <span className="jp-LLM-state">{stateLabel(state, trans)}</span>
        </span>
      </div>
      {state === 'loading' && (
        <Progress
          label={trans.__('Loading %1', model.id)}
          value={entry.progress}
        />
      )}
      {state === 'ready' && <Figures {...props} />}
      {failure && (
        <div className="jp-LLM-failure" role="alert">
          {failure}
        </div>
      )}
      <Actions {...props} />
    </li>
  );
}

/** What it takes and does. */
function Figures(props: ILoadedProps): React.JSX.Element {
  const { entry, permissions, actions, trans } = props;
  const { stats, model } = entry;
  const figures: [string, string][] = [
    [trans.__('Memory'), formatBytes(entry.estimate.total_bytes)],
    [trans.__('Speed'), speedLabel(props)],
    [
      trans.__('Requests'),
      trans.__(
        '%1 of %2 running, %3 waiting',
        stats.num_running,
        stats.slots,
        stats.num_waiting
      )
    ],
    [
      trans.__('Context'),
      trans.__(
        '%1 tokens, cache %2 % full',
        formatTokens(stats.context_length),
        Math.round(
          (100 * stats.num_kv_cells_used) / Math.max(1, stats.num_kv_cells)
        )
      )
    ]
  ];
  return (
    <dl className="jp-LLM-figures">
      {figures.map(([name, value]) => (
        <React.Fragment key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </React.Fragment>
      ))}
      <dt>{trans.__('Stays')}</dt>
      <dd>
        <KeepAlive
          modelId={model.id}
          keepAlive_s={entry.keep_alive_s}
          expiresAt={entry.expires_at}
          mayChange={permissions.write}
          onChange={seconds => {
            actions.onKeepAlive(model.id, seconds);
          }}
          trans={trans}
        />
      </dd>
    </dl>
  );
}

/** A long prompt is read for a while before anything is written. */
function speedLabel({ entry, speed, trans }: ILoadedProps): string {
  if (speed > 0) {
    return trans.__('%1 tokens/s', roundForPeople(speed));
  }
  return entry.stats.num_running > 0 ? trans.__('reading') : trans.__('idle');
}

function Actions(props: ILoadedProps): React.JSX.Element {
  const { entry, permissions, actions, trans } = props;
  const { model, state } = entry;
  const { onChat } = actions;
  const isMoving = state === 'queued' || state === 'loading';
  return (
    <div className="jp-LLM-actions">
      {permissions.execute && onChat && state === 'ready' && (
        <Button
          label={trans.__('Chat')}
          of={model.id}
          focus={`chat ${model.id}`}
          onClick={() => {
            onChat(model.id);
          }}
        />
      )}
      {permissions.write && (
        <Button
          label={isMoving ? trans.__('Cancel') : labelOf(state, trans)}
          of={model.id}
          focus={`move ${model.id}`}
          isDisabled={state === 'unloading'}
          onClick={() => {
            if (state === 'failed') {
              actions.onLoad(model.id);
            } else {
              actions.onUnload(model.id);
            }
          }}
        />
      )}
      <MoreButton modelId={model.id} actions={actions} trans={trans} />
    </div>
  );
}

function labelOf(
  state: IModelEntry['state'],
  trans: TranslationBundle
): string {
  return state === 'failed' ? trans.__('Load') : trans.__('Unload');
}
