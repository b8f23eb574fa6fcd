import { nullTranslator } from '@jupyterlab/translation';
import type { LabIcon } from '@jupyterlab/ui-components';

import { ModelManager } from '../src/manager/manager';
import { RunningModels } from '../src/running/models';
import type { ModelState } from '../src/types';
import { aStatus, FakeEvents, FakeServer } from './fakes';

let server: FakeServer;
let manager: ModelManager;
let section: RunningModels;

beforeEach(() => {
  server = new FakeServer();
  manager = new ModelManager(server, new FakeEvents().open);
  section = new RunningModels({
    manager,
    trans: nullTranslator.load('jupyter_llm'),
    icon: null as unknown as LabIcon,
    onOpen: () => undefined
  });
});

afterEach(() => {
  manager.dispose();
});

async function serverHas(...states: [string, ModelState][]): Promise<void> {
  server.models = states.map(([id, state]) => aStatus(id, state));
  await manager.refresh();
}

it('lists what is in memory, or on its way', async () => {
  await serverHas(
    ['a', 'ready'],
    ['b', 'unloaded'],
    ['c', 'loading'],
    ['d', 'failed']
  );
  const items = section.running();
  expect(items.map(item => item.label())).toEqual(['a', 'c']);
  expect(items.map(item => item.detail?.())).toEqual(['', 'loading']);
});

it('shuts a model down by unloading it', async () => {
  await serverHas(['a', 'ready']);
  section.running()[0]?.shutdown?.();
  expect(section.running()[0]?.detail?.()).toBe('unloading');
  expect(section.running()[0]?.shutdown).toBeUndefined();
  await manager.refresh();
  await manager.refresh();
  expect(section.running()).toEqual([]);
});

it('shuts all down but those that leave already', async () => {
  await serverHas(['a', 'ready'], ['b', 'loading'], ['c', 'unloading']);
  const unloaded: string[] = [];
  server.unload = (id: string): Promise<void> => {
    unloaded.push(id);
    return Promise.resolve();
  };
  section.shutdownAll();
  expect(unloaded).toEqual(['a', 'b']);
});

it('tells JupyterLab only when what it shows has changed', async () => {
  let told = 0;
  section.runningChanged.connect(() => {
    told += 1;
  });
  await serverHas(['a', 'ready']);
  await serverHas(['a', 'ready'], ['b', 'unloaded']);
  expect(told).toBe(1);
  await serverHas(['a', 'unloaded']);
  expect(told).toBe(2);
});
