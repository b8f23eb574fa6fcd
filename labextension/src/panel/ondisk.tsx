import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { IPermissions } from '../tokens';
import type { IModelEntry } from '../types';
import type { IPanelActions } from './actions';
import { Button } from './button';
import { describe, purpose } from './facts';
import { FitBadge } from './fit';
import { formatBytes } from './format';
import { MoreButton } from './more';

export interface IOnDiskProps {
  entry: IModelEntry;
  refusal: string | undefined;
  permissions: IPermissions;
  actions: IPanelActions;
  trans: TranslationBundle;
}

/** A model that could be loaded: what it is, and whether it would fit. */
export function ModelOnDisk(props: IOnDiskProps): React.JSX.Element {
  const { entry, permissions, actions, trans } = props;
  const { model, unavailable } = entry;
  return (
    <li className="jp-LLM-row" data-model={model.id} data-state={entry.state}>
      <div className="jp-LLM-line">
        <span className="jp-LLM-name" title={model.path || model.engine}>
          {model.id}
        </span>
        <span className="jp-LLM-actions">
          {permissions.write && !unavailable && (
            <Button
              label={trans.__('Load')}
              of={model.id}
              focus={`move ${model.id}`}
              onClick={() => {
                actions.onLoad(model.id);
              }}
            />
          )}
          <MoreButton modelId={model.id} actions={actions} trans={trans} />
        </span>
      </div>
      <div className="jp-LLM-muted">
        {purpose(model, trans) || describe(model, trans)}
      </div>
      {unavailable ? (
        <div className="jp-LLM-muted">{unavailable}</div>
      ) : (
        <Need {...props} />
      )}
      {props.refusal && (
        <div className="jp-LLM-failure" role="alert">
          {props.refusal}
        </div>
      )}
    </li>
  );
}

/** What it would take of the memory. */
function Need({ entry, trans }: IOnDiskProps): React.JSX.Element | null {
  const { total_bytes } = entry.estimate;
  if (total_bytes === 0) {
    return null;
  }
  return (
    <div className="jp-LLM-muted">
      {trans.__('needs %1', formatBytes(total_bytes))}{' '}
      <FitBadge fit={entry.fit} trans={trans} />
    </div>
  );
}
