import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { IModelChoice } from '../models';

/** Which model answers, and where it stands. */
export function ModelSelect(props: {
  models: readonly IModelChoice[];
  modelId: string;
  mayWrite: boolean;
  onModel: (modelId: string) => void;
  onLoad: (modelId: string) => void;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { models, modelId, trans } = props;
  if (!modelId) {
    return (
      <span className="jp-LLM-model-select jp-LLM-muted">
        {trans.__('Asking the server…')}
      </span>
    );
  }
  const chosen = models.find(({ id }) => id === modelId);
  const isOut = chosen?.state === 'unloaded' || chosen?.state === 'failed';
  return (
    <>
      <span className="jp-LLM-model-select" data-state={chosen?.state}>
        <select
          aria-label={trans.__('Model')}
          value={modelId}
          onChange={event => {
            props.onModel(event.target.value);
          }}
        >
          {!chosen && <option value={modelId}>{modelId}</option>}
          {models.map(model => (
            <option key={model.id} value={model.id}>
              {label(model, trans)}
            </option>
          ))}
        </select>
      </span>
      {isOut && props.mayWrite && (
        <button
          type="button"
          className="jp-LLM-button"
          onClick={() => {
            props.onLoad(modelId);
          }}
        >
          {trans.__('Load')}
        </button>
      )}
    </>
  );
}

/** What a model does that cannot answer yet; empty if it can, or nobody asked it. */
export function waitingFor(
  model: IModelChoice | undefined,
  trans: TranslationBundle
): string {
  switch (model?.state) {
    case 'queued':
      return trans.__('Waiting for memory to load %1…', model.id);
    case 'loading':
    case 'unloaded':
      return model.progress > 0
        ? trans.__(
            'Loading %1, %2%…',
            model.id,
            Math.round(100 * model.progress)
          )
        : trans.__('Loading %1…', model.id);
    default:
      return '';
  }
}

function label(model: IModelChoice, trans: TranslationBundle): string {
  switch (model.state) {
    case 'ready':
      return model.id;
    case 'queued':
    case 'loading':
      return trans.__('%1 (loading)', model.id);
    case 'failed':
      return trans.__('%1 (failed)', model.id);
    default:
      return trans.__('%1 (not loaded)', model.id);
  }
}
