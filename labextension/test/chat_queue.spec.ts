import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';

import { newAnswer } from '../src/chat/answer';
import { waitingFor } from '../src/chat/components/model_select';
import { QueuePlaces } from '../src/chat/queue';
import type { IModelManager } from '../src/tokens';
import type { ServerEvent } from '../src/types';

const trans = nullTranslator.load('jupyter_llm');
const manager = {} as IModelManager;
const heard = new Signal<IModelManager, ServerEvent>(manager);
const answer = newAnswer('mine', 'guide');

function tell(stream_id: string, position: number, missed = 0): void {
  const data = { request_id: 'r', model_id: 'guide', position, stream_id };
  heard.emit({ type: 'queue', at: 1, data, ...(missed && { missed }) });
}

it('is the place that the server told last of this answer', () => {
  const places = new QueuePlaces({ heard });
  expect(places.of(undefined)).toBe(0);
  tell('mine', 3);
  tell('', 1);
  tell('another', 2);
  expect(places.of(answer)).toBe(3);
  tell('mine', 0);
  expect(places.of(answer)).toBe(0);
});

it('is not known where events were lost', () => {
  const places = new QueuePlaces({ heard });
  tell('mine', 3);
  tell('another', 2, 5);
  expect(places.of(answer)).toBe(0);
});

it('is said in words where the model is there', () => {
  const ready = { id: 'guide', state: 'ready', progress: 1 } as const;
  expect(waitingFor(ready, 0, trans)).toBe('');
  expect(waitingFor(ready, 1, trans)).toContain('yours is next');
  expect(waitingFor(ready, 4, trans)).toContain('number 4');
  expect(waitingFor({ ...ready, state: 'loading' }, 4, trans)).toBe(
    'Loading guide, 100%…'
  );
});
