import type { TranslationBundle } from '@jupyterlab/translation';

import { formatSpan } from '../panel/format';
import type { IService, ServiceState } from '../types';
import { isGoing } from './model';

/** The state of a service in a word or two. */
export function stateWord(
  state: ServiceState,
  trans: TranslationBundle
): string {
  const words: Record<ServiceState, string> = {
    pending: trans.__('waiting'),
    configuring: trans.__('starting'),
    running: trans.__('running'),
    completed: trans.__('ended'),
    failed: trans.__('failed'),
    cancelled: trans.__('stopped'),
    timeout: trans.__('out of time'),
    node_fail: trans.__('lost its node')
  };
  return words[state];
}

/** What is known of a service, by name; `now` is in seconds since 1970. */
export function figuresOf(
  service: IService,
  now: number,
  trans: TranslationBundle
): [string, string][] {
  const { replicas, num_replicas, ends_at } = service;
  const numHealthy = replicas.filter(({ is_healthy }) => is_healthy).length;
  const figures: [string, string | false][] = [
    [trans.__('Model'), service.model],
    [trans.__('Recipe'), service.recipe],
    [trans.__('Job'), `${service.id} (${service.launcher})`],
    [trans.__('Takes over from'), service.successor_of],
    [trans.__('Nodes'), service.nodes.join(', ') || `${service.num_nodes}`],
    [trans.__('GPUs'), service.num_gpus > 0 && `${service.num_gpus}`],
    [
      trans.__('Replicas'),
      num_replicas > 1 &&
        isGoing(service) &&
        trans.__('%1 of %2 answer', numHealthy, num_replicas)
    ],
    [
      trans.__('Time left'),
      ends_at !== null && isGoing(service) && formatSpan(ends_at - now, trans)
    ]
  ];
  return figures.filter((figure): figure is [string, string] => !!figure[1]);
}
