import type { TranslationBundle } from '@jupyterlab/translation';

import type { Fit, IModel, ModelState } from '../types';
import { formatBytes, formatCount, formatTokens } from './format';

/** Whether a model comes with this package: useful, but not what people come for. */
export function isBuiltIn({ source }: IModel): boolean {
  return source === 'built-in';
}

/** What the models that come with the package are for. */
export function purpose({ id }: IModel, trans: TranslationBundle): string {
  const purposes: Record<string, string> = {
    guide: trans.__('Built in: knows this project and nothing else'),
    echo: trans.__('Built in: repeats what you say, for tests')
  };
  return purposes[id] ?? '';
}

/** Parameters, quantization, size and context: whatever is known of a model. */
export function describe(model: IModel, trans: TranslationBundle): string {
  const { num_parameters, size_bytes, context_length } = model;
  const facts = [
    num_parameters && trans.__('%1 parameters', formatCount(num_parameters)),
    model.quantization,
    size_bytes && formatBytes(size_bytes),
    context_length && trans.__('%1 context', formatTokens(context_length)),
    model.modalities.includes('image') && trans.__('sees images'),
    model.modalities.includes('embedding') && trans.__('embeddings')
  ];
  return facts.filter(Boolean).join(' · ');
}

export function stateLabel(
  state: ModelState,
  trans: TranslationBundle
): string {
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

/** Empty where nobody knows. */
export function fitLabel(fit: Fit, trans: TranslationBundle): string {
  const labels: Record<Fit, string> = {
    fits: trans.__('fits'),
    tight: trans.__('tight'),
    'will not fit': trans.__('too big'),
    unknown: ''
  };
  return labels[fit];
}

/** What a fit means, in a sentence. */
export function fitCaption(fit: Fit, trans: TranslationBundle): string {
  const captions: Record<Fit, string> = {
    fits: trans.__('Runs in the memory of this machine, with room to spare'),
    tight: trans.__('Barely runs in the memory of this machine'),
    'will not fit': trans.__('Needs more memory than this machine has'),
    unknown: ''
  };
  return captions[fit];
}
