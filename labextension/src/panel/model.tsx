import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { IModel, IModelStatus, ModelState } from '../types';
import { formatBytes, formatCount, formatTokens } from './format';

/** What the panel lets a person do; each gets the id of a model. */
export interface IModelActions {
  onLoad: (modelId: string) => void;
  onUnload: (modelId: string) => void;
  onTry: (modelId: string) => void;
}

export interface IModelItemProps extends IModelActions {
  status: IModelStatus;
  /** Why the last load or unload was refused. */
  refusal: string | undefined;
  mayWrite: boolean;
  trans: TranslationBundle;
}

/** One model: what it is, where it stands, and what can be done with it. */
export function ModelItem(props: IModelItemProps): React.JSX.Element {
  const { status, trans } = props;
  const { model, state } = status;
  const failure = props.refusal ?? status.error;
  return (
    <li className="jp-LLM-model" data-model={model.id} data-state={state}>
      <div className="jp-LLM-model-head">
        <span
          className="jp-LLM-model-name"
          title={`${model.engine} ${model.path}`}
        >
          {model.id}
        </span>
        <span className="jp-LLM-state">{stateLabel(state, trans)}</span>
      </div>
      <div className="jp-LLM-muted">
        <div>{purpose(model, trans)}</div>
        <div>{describe(model, trans)}</div>
      </div>
      {state === 'loading' && <LoadProgress {...props} />}
      {failure && (
        <div className="jp-LLM-failure" role="alert">
          {failure}
        </div>
      )}
      <Actions {...props} />
    </li>
  );
}

/** How far a load is; a bar without a value says that nobody knows. */
function LoadProgress({ status, trans }: IModelItemProps): React.JSX.Element {
  return (
    <progress
      className="jp-LLM-progress"
      aria-label={trans.__('Loading %1', status.model.id)}
      {...(status.progress > 0 && { value: status.progress })}
      max={1}
    />
  );
}

function Actions(props: IModelItemProps): React.JSX.Element {
  const { status, mayWrite, trans } = props;
  const { state } = status;
  const isOut = state === 'unloaded' || state === 'failed';
  return (
    <div className="jp-LLM-actions">
      {mayWrite && isOut && (
        <Action
          label={trans.__('Load')}
          model={status.model}
          onClick={props.onLoad}
        />
      )}
      {mayWrite && !isOut && (
        <Action
          label={state === 'ready' ? trans.__('Unload') : trans.__('Cancel')}
          model={status.model}
          isDisabled={state === 'unloading'}
          onClick={props.onUnload}
        />
      )}
      <Action
        label={trans.__('Try it')}
        model={status.model}
        onClick={props.onTry}
      />
    </div>
  );
}

function Action(props: {
  label: string;
  model: IModel;
  isDisabled?: boolean;
  onClick: (modelId: string) => void;
}): React.JSX.Element {
  const { label, model, onClick } = props;
  return (
    <button
      className="jp-LLM-button"
      aria-label={`${label}: ${model.id}`}
      disabled={props.isDisabled ?? false}
      onClick={() => {
        onClick(model.id);
      }}
    >
      {label}
    </button>
  );
}

/** What the models that come with the package are for. */
function purpose({ id }: IModel, trans: TranslationBundle): string {
  const purposes: Record<string, string> = {
    guide: trans.__('Built in: knows this project and nothing else.'),
    echo: trans.__('Built in: repeats what you say, for tests.')
  };
  return purposes[id] ?? '';
}

/** Parameters, quantization, size and context: whatever is known of a model. */
function describe(model: IModel, trans: TranslationBundle): string {
  const { num_parameters, size_bytes, context_length } = model;
  const facts = [
    num_parameters && trans.__('%1 parameters', formatCount(num_parameters)),
    model.quantization,
    size_bytes && formatBytes(size_bytes),
    context_length && trans.__('%1 context', formatTokens(context_length))
  ];
  return facts.filter(Boolean).join(' · ');
}

function stateLabel(state: ModelState, trans: TranslationBundle): string {
  const labels: Record<ModelState, string> = {
    unloaded: trans.__('not loaded'),
    queued: trans.__('waiting'),
    loading: trans.__('loading'),
    ready: trans.__('ready'),
    unloading: trans.__('unloading'),
    failed: trans.__('failed')
  };
  return labels[state];
}
