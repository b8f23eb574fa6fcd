import type { TranslationBundle } from '@jupyterlab/translation';

import type { ISnapshot } from '../tokens';
import type { IProblem } from './tokens';

/** What the user can do about a problem: a button, or none. */
export type Remedy = 'retry' | 'load' | 'models' | 'new' | 'none';

/** A problem in words for people, and the way out of it. */
export interface IExplanation {
  readonly title: string;
  /** What the server said, where that adds something. */
  readonly detail: string;
  readonly remedy: Remedy;
}

/** Say what went wrong and what to do next. */
export function explain(
  problem: IProblem,
  trans: TranslationBundle
): IExplanation {
  const [title, remedy] = known(problem.code, trans) ?? [
    trans.__('The server could not answer.'),
    'retry'
  ];
  return { title, detail: problem.message, remedy };
}

function known(
  code: string,
  trans: TranslationBundle
): [string, Remedy] | undefined {
  const kinds: Record<string, [string, Remedy]> = {
    rate_limit_exceeded: [trans.__('Too many of your requests wait.'), 'retry'],
    quota_exceeded: [trans.__('Your quota is used up for now.'), 'retry'],
    overloaded: [trans.__('The model is busy.'), 'retry'],
    model_not_found: [trans.__('This model is not there any more.'), 'models'],
    model_load_failed: [trans.__('The model could not be loaded.'), 'load'],
    invalid_model_file: [
      trans.__('The file of this model is damaged.'),
      'models'
    ],
    engine_unavailable: [
      trans.__('What runs this model is not installed.'),
      'models'
    ],
    insufficient_memory: [
      trans.__('The model does not fit into memory.'),
      'models'
    ],
    engine_died: [trans.__('The model stopped in the middle.'), 'retry'],
    context_length_exceeded: [
      trans.__('This conversation is too long for the model.'),
      'new'
    ],
    forbidden: [
      trans.__('You may not ask models on this server. Ask whoever runs it.'),
      'none'
    ],
    insufficient_scope: [
      trans.__('Your key does not allow this. Ask for one that does.'),
      'none'
    ],
    invalid_api_key: [trans.__('You are logged out. Log in again.'), 'none'],
    unreachable: [
      trans.__(
        'The server does not answer. Check that it runs, then try again.'
      ),
      'retry'
    ],
    cut_off: [
      trans.__('The answer was cut off: the server does not have the rest.'),
      'retry'
    ]
  };
  return kinds[code];
}

/** Why nothing can be asked at all; empty if it can. */
export function obstacleOf(
  snapshot: ISnapshot,
  numModels: number,
  mayExecute: boolean,
  trans: TranslationBundle
): string {
  if (snapshot.problem === 'missing') {
    return trans.__(
      'This server does not run jupyter-llm. Install it where the server runs and restart the server.'
    );
  }
  if (!snapshot.asked || snapshot.problem === 'offline') {
    return ''; // what is asked now is answered when the server is back
  }
  if (!mayExecute) {
    return trans.__(
      'You may look at the models of this server, but not ask them. Ask whoever runs it for the right to "execute".'
    );
  }
  if (snapshot.problem === 'forbidden') {
    return trans.__(
      'You may not see the models of this server. Log in again, or ask whoever runs it.'
    );
  }
  return numModels === 0
    ? trans.__('No model here writes text. Download one in "Language Models".')
    : '';
}
