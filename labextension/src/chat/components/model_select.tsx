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

/**
 * Why there is no answer yet; empty if nobody knows of a reason. `place` is the question's in
 * the queue of the model, 0 if it does not wait there.
 */
export function waitingFor(
  model: IModelChoice | undefined,
  place: number,
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
      return place > 0 ? inQueue(place, trans) : '';
  }
}

function inQueue(place: number, trans: TranslationBundle): string {
  return place === 1
    ? trans.__('Others are being answered; yours is next…')
    : trans.__('Others are being answered; yours is number %1…', place);
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
