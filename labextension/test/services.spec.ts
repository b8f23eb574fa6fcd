import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';

import type { IServiceRequest, IServicesAPI } from '../src/services/api';
import { LogTail } from '../src/services/logtail';
import { ServicesModel } from '../src/services/model';
import { EMPTY_FORM, modelOf, requestOf } from '../src/services/request';
import { figuresOf } from '../src/services/words';
import type { IModelManager } from '../src/tokens';
import type {
  IRecipe,
  IService,
  IServiceLogBody,
  ServerEvent,
  ServiceState
} from '../src/types';

const trans = nullTranslator.load('jupyter_llm');
const RECIPE: IRecipe = {
  name: 'inference/small',
  kind: 'inference',
  description: 'One server.',
  resources: { nodes: 1, gpu: null, time_limit: 120 },
  environment: { VLLM_MODEL: 'org/default' },
  replicas: 1,
  max_nodes: 1
};

function aService(id: string, state: ServiceState, at = 0): IService {
  return {
    id,
    name: `service ${id}`,
    recipe: 'inference/small',
    kind: 'inference',
    owner: '',
    launcher: 'local',
    state,
    reason: '',
    model: 'guide',
    nodes: ['here'],
    num_nodes: 1,
    num_gpus: 0,
    num_replicas: 1,
    replicas: [],
    created_at: at,
    started_at: null,
    ended_at: null,
    time_limit_s: null,
    ends_at: null,
    as_of: at,
    is_stale: false,
    successor_of: '',
    model_id: ''
  };
}

class FakeAPI implements IServicesAPI {
  services: IService[] = [];
  asked: IServiceRequest[] = [];
  refusal: Error | null = null;

  list(): Promise<IService[]> {
    return Promise.resolve(this.services);
  }

  recipes(): Promise<IRecipe[]> {
    return Promise.resolve([RECIPE]);
  }

  start(request: IServiceRequest): Promise<IService> {
    this.asked.push(request);
    return this.refusal
      ? Promise.reject(this.refusal)
      : Promise.resolve(aService('new', 'pending', 9));
  }

  cancel(): Promise<void> {
    return Promise.reject(new Error('It is gone.'));
  }

  log(): Promise<IServiceLogBody> {
    return Promise.resolve({ logs: '', next_offset: 0 });
  }
}

const manager = {} as IModelManager;
const heard = new Signal<IModelManager, ServerEvent>(manager);
let api: FakeAPI;
let model: ServicesModel;

beforeEach(() => {
  api = new FakeAPI();
  model = new ServicesModel(api, { heard });
});

afterEach(() => {
  model.dispose();
});

function ids(): string[] {
  return model.state.services.map(({ id }) => id);
}

it('has those that go on first, and follows what is told of them', async () => {
  api.services = [aService('1', 'failed', 3), aService('2', 'running', 1)];
  heard.emit({ type: 'service', at: 1, data: aService('early', 'running') });
  await model.refresh();
  expect(ids()).toEqual(['2', '1']);
  expect(model.state.recipes).toEqual([RECIPE]);
  heard.emit({ type: 'service', at: 2, data: aService('2', 'completed', 1) });
  expect(ids()).toEqual(['1', '2']);
  heard.emit({ type: 'service', at: 3, data: aService('3', 'pending', 2) });
  expect(ids()).toEqual(['3', '1', '2']);
});

it('shows what was begun at once, and why something could not be', async () => {
  await model.refresh();
  const request = { recipe_name: 'inference/small' };
  expect(await model.start(request)).toBe(true);
  expect(ids()).toEqual(['new']);
  await model.stop('new');
  expect(model.state.problem).toBe('It is gone.');
  api.refusal = new Error('There are no GPUs here.');
  expect(await model.start(request)).toBe(false);
  expect(model.state.problem).toBe('There are no GPUs here.');
});

it('asks for what was filled in, and for nothing else', () => {
  expect(requestOf(EMPTY_FORM, RECIPE)).toEqual({
    recipe_name: 'inference/small'
  });
  const form = { ...EMPTY_FORM, model: ' org/m ', gpus: '2', replicas: '3' };
  expect(requestOf({ ...form, name: 'mine' }, RECIPE)).toEqual({
    recipe_name: 'inference/small',
    name: 'mine',
    config: {
      resources: { gpu: 2 },
      environment: { MODEL: 'org/m' },
      replicas: 3
    }
  });
  expect(modelOf(RECIPE)).toBe('org/default');
  expect(modelOf({ ...RECIPE, kind: 'vector-db' })).toBeNull();
});

it('reads a log in parts and keeps its last lines', async () => {
  const parts = ['one\ntwo\n', 'three', ''];
  const offsets: number[] = [];
  const tail = new LogTail(offset => {
    offsets.push(offset);
    const logs = parts.shift() ?? '';
    return Promise.resolve({ logs, next_offset: offset + logs.length });
  });
  await tail.follow();
  expect(tail.text).toBe('one\ntwo\nthree');
  expect(offsets).toEqual([0, 8, 13]);
  parts.push('\n'.repeat(500), '');
  await tail.follow();
  expect(tail.text.split('\n')).toHaveLength(200);
});

it('tells what is known of a service', () => {
  const service = { ...aService('7', 'running'), num_gpus: 4, ends_at: 160 };
  expect(figuresOf(service, 100, trans)).toEqual([
    ['Model', 'guide'],
    ['Recipe', 'inference/small'],
    ['Job', '7 (local)'],
    ['Nodes', 'here'],
    ['GPUs', '4'],
    ['Time left', '1 min']
  ]);
  const ended = { ...aService('7', 'failed'), nodes: [], ends_at: 160 };
  expect(figuresOf(ended, 100, trans).map(([name]) => name)).toEqual([
    'Model',
    'Recipe',
    'Job',
    'Nodes'
  ]);
});
