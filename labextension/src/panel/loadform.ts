import type { TranslationBundle } from '@jupyterlab/translation';

import type { ILoadOptions } from '../types';

export const NUMBER_OPTIONS = [
  'context_length',
  'slots',
  'num_gpu_layers',
  'num_threads',
  'batch_size'
] as const;

/** The load options that are numbers. */
export type NumberOption = (typeof NUMBER_OPTIONS)[number];

export const KV_TYPES = ['f32', 'f16', 'q8_0', 'q4_0'];

/** What a number is called, and what it means. */
export function wordsFor(
  option: NumberOption,
  trans: TranslationBundle
): { label: string; caption: string } {
  const words: Record<NumberOption, [string, string]> = {
    context_length: [
      trans.__('Context length'),
      trans.__('Tokens of one conversation')
    ],
    slots: [trans.__('Slots'), trans.__('Requests at the same time')],
    num_gpu_layers: [
      trans.__('GPU layers'),
      trans.__('Layers that the GPU computes; -1 for all')
    ],
    num_threads: [
      trans.__('Threads'),
      trans.__('Threads that the processor computes with')
    ],
    batch_size: [
      trans.__('Batch size'),
      trans.__('Tokens of prompts that are read in one step')
    ]
  };
  const [label, caption] = words[option];
  return { label, caption };
}

/** What a filled-in form asks for; what is empty is left to the server. */
export function requestOf(
  entries: Iterable<[string, FormDataEntryValue]>
): Partial<ILoadOptions> {
  const form = new Map(entries);
  const text = (name: string): string => {
    const value = form.get(name);
    return typeof value === 'string' ? value.trim() : '';
  };
  const request: Partial<ILoadOptions> = {};
  for (const name of NUMBER_OPTIONS) {
    if (text(name)) {
      request[name] = Number(text(name));
    }
  }
  if (text('kv_type')) {
    request.kv_type = text('kv_type');
  }
  if (text('speculation')) {
    request.speculation = text('speculation');
  }
  if (text('speculation') === 'draft_model') {
    request.draft_model = text('draft_model');
  }
  return request;
}
