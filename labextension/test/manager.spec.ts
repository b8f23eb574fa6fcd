import { Downloads } from '../src/manager/downloads';
import { ModelManager } from '../src/manager/manager';
import { RestError } from '../src/requests';
import type { IModelsBody, ModelState } from '../src/types';
import { aDownload, aStatus, FakeEvents, FakePage, FakeServer } from './fakes';

let server: FakeServer;
let events: FakeEvents;
let page: FakePage;
let manager: ModelManager;

beforeEach(() => {
  server = new FakeServer();
  events = new FakeEvents();
  page = new FakePage();
  manager = new ModelManager(server, events.open, page);
});

afterEach(() => {
  manager.dispose();
});

function stateOf(id: string): ModelState | undefined {
  return manager.snapshot.models.find(({ model }) => model.id === id)?.state;
}

function gateFor(holder: FakeServer): () => void {
  let open: () => void = () => undefined;
  holder.gate = new Promise(resolve => {
    open = resolve;
  });
  return open;
}

describe('refresh', () => {
  it('shows what the server says', async () => {
    expect(manager.snapshot.asked).toBe(false);
    await manager.refresh();
    expect(manager.snapshot).toMatchObject({
      asked: true,
      problem: null,
      permissions: { read: true, execute: true, write: true }
    });
    expect(stateOf('guide')).toBe('unloaded');
  });

  it('tells those who listen', async () => {
    const heard: boolean[] = [];
    manager.changed.connect((_, snapshot) => heard.push(snapshot.asked));
    await manager.refresh();
    expect(heard.at(-1)).toBe(true);
  });

  it.each([
    [new RestError('no route', 404), 'missing'],
    [new RestError('log in', 401), 'forbidden'],
    [new RestError('no', 403), 'forbidden'],
    [new RestError('oops', 500), 'offline'],
    [new TypeError('network'), 'offline']
  ])('turns %s into the problem "%s"', async (failure, problem) => {
    server.failure = failure;
    await manager.refresh();
    expect(manager.snapshot.problem).toBe(problem);
  });

  it('keeps the last models while the server is away, and recovers', async () => {
    await manager.refresh();
    server.failure = new TypeError('network');
    await manager.refresh();
    expect(stateOf('guide')).toBe('unloaded');
    server.failure = null;
    await manager.refresh();
    expect(manager.snapshot.problem).toBeNull();
  });

  it('ignores an answer that a later one has overtaken', async () => {
    let answerLate: (body: IModelsBody) => void = () => undefined;
    const prompt = server.listModels.bind(server);
    server.listModels = () =>
      new Promise(resolve => {
        answerLate = resolve;
      });
    const first = manager.refresh();
    await new Promise(resolve => setTimeout(resolve));
    server.listModels = prompt;
    server.models = [aStatus('guide', 'ready')];
    await manager.refresh();
    answerLate({
      data: [aStatus('guide', 'unloaded')],
      models_dirs: [],
      active: null
    });
    await first;
    expect(stateOf('guide')).toBe('ready');
  });
});

describe('load and unload', () => {
  beforeEach(() => manager.refresh());

  it('shows the move at once and its end when it comes', async () => {
    const open = gateFor(server);
    const loading = manager.load('guide');
    expect(stateOf('guide')).toBe('loading');
    await manager.refresh();
    expect(stateOf('guide')).toBe('loading'); // the server has not heard of it yet
    open();
    await loading;
    expect(stateOf('guide')).toBe('ready');
  });

  it('leaves the server the last word on a model that moves', async () => {
    const open = gateFor(server);
    const loading = manager.load('guide');
    server.models = [{ ...aStatus('guide', 'loading'), progress: 0.4 }];
    await manager.refresh();
    expect(manager.snapshot.models[0]?.progress).toBe(0.4);
    open();
    await loading;
  });

  it('unloads', async () => {
    await manager.load('guide');
    await manager.unload('guide');
    expect(stateOf('guide')).toBe('unloaded');
  });

  it('keeps the reason of a failure until the next try', async () => {
    const open = gateFor(server);
    const loading = manager.load('guide');
    server.refusal = new RestError('it would not fit', 507);
    open();
    await loading;
    expect(manager.snapshot.refusals.get('guide')).toBe('it would not fit');

    server.refusal = null;
    await manager.load('guide');
    expect(manager.snapshot.refusals.size).toBe(0);
    expect(stateOf('guide')).toBe('ready');
  });
});

describe('a refusal', () => {
  beforeEach(async () => {
    await manager.refresh();
    const open = gateFor(server);
    const loading = manager.load('guide');
    server.refusal = new RestError('it would not fit', 507);
    open();
    await loading;
  });

  it('stays while the model stays where it is', async () => {
    await manager.refresh();
    expect(manager.snapshot.refusals.get('guide')).toBe('it would not fit');
  });

  it('is forgotten when somebody else has loaded the model', async () => {
    server.models = [aStatus('guide', 'ready')];
    await manager.refresh();
    expect(manager.snapshot.refusals.size).toBe(0);
  });
});

it('does not call a load refused that an unload has ended', async () => {
  await manager.refresh();
  const open = gateFor(server);
  const loading = manager.load('guide');
  server.gate = Promise.resolve();
  await manager.unload('guide');
  server.refusal = new RestError('unloaded meanwhile', 409);
  open();
  await loading;
  expect(manager.snapshot.refusals.size).toBe(0);
  expect(stateOf('guide')).toBe('unloaded');
});

describe('events', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  /** Let what was begun come to its end, and some time pass. */
  const pass = (ms = 100): Promise<void> => jest.advanceTimersByTimeAsync(ms);

  it('are not asked for before somebody looks', async () => {
    await pass(60_000);
    expect(server.questions + events.opened).toBe(0);
  });

  it('take the place of questions', async () => {
    manager.watch();
    await pass();
    expect(manager.snapshot).toMatchObject({ asked: true, isLive: true });
    events.tell({ type: 'model', data: aStatus('guide', 'loading') });
    expect(stateOf('guide')).toBe('loading');
    await pass(600_000);
    expect(server.questions).toBe(1);

    server.models = [aStatus('guide', 'ready')];
    events.tell({ type: 'model', data: aStatus('guide', 'ready') });
    await pass(600_000);
    expect(stateOf('guide')).toBe('ready');
    expect(server.questions).toBe(2); // what it takes is known better now
  });

  it('are shared by all who look, and end some time after the last has left', async () => {
    const watches = [manager.watch(), manager.watch()];
    await pass();
    watches[0]?.dispose();
    await pass(60_000);
    expect(events.numListeners).toBe(1);
    watches[1]?.dispose();
    await pass(5000);
    expect(events.numListeners).toBe(1);
    await pass(60_000);
    expect(events.numListeners).toBe(0);
    expect(manager.snapshot.isLive).toBe(false);
    manager.watch();
    await pass();
    expect(events.numListeners).toBe(1);
  });

  it('pause while the page is hidden', async () => {
    manager.watch();
    await pass();
    page.become(true);
    await pass(60_000);
    expect(events.numListeners).toBe(0);
    expect(server.questions).toBe(1);
    page.become(false);
    await pass();
    expect(events.numListeners).toBe(1);
    expect(server.questions).toBe(2);
  });

  it('come again after a restart, and everything is asked anew', async () => {
    manager.watch();
    await pass();
    server.failure = new TypeError('network');
    events.isThere = false;
    events.end();
    await pass(30_000);
    expect(manager.snapshot).toMatchObject({
      isLive: false,
      problem: 'offline'
    });
    expect(stateOf('guide')).toBe('unloaded'); // as it was last seen

    server.failure = null;
    server.models = [aStatus('guide', 'ready')];
    server.granted = { read: true, execute: true, write: false };
    events.isThere = true;
    await pass(30_000);
    expect(manager.snapshot).toMatchObject({ isLive: true, problem: null });
    expect(manager.snapshot.permissions.write).toBe(false);
    expect(stateOf('guide')).toBe('ready');
  });

  it('leave a server alone more and more while it is away', async () => {
    server.failure = new TypeError('network');
    events.isThere = false;
    manager.watch();
    await pass(300_000);
    expect(events.opened).toBeLessThan(100);
    expect(events.opened).toBeGreaterThan(10);
  });

  it('are replaced by questions where no WebSocket gets through', async () => {
    events.isThere = false;
    manager.watch();
    await pass(31_000);
    expect(server.questions).toBeGreaterThanOrEqual(8);
    expect(server.questions).toBeLessThanOrEqual(20);
    expect(events.opened).toBe(1);
    expect(manager.snapshot).toMatchObject({ isLive: false, problem: null });

    server.models = [aStatus('guide', 'loading')];
    await pass(6000);
    const before = server.questions;
    await pass(7000);
    expect(server.questions - before).toBeGreaterThanOrEqual(6);

    events.isThere = true;
    await pass(60_000);
    expect(manager.snapshot.isLive).toBe(true);
  });

  it('that come while the server is asked win over its answer', async () => {
    await manager.refresh();
    let answer: (body: IModelsBody) => void = () => undefined;
    server.listModels = () =>
      new Promise(resolve => {
        answer = resolve;
      });
    manager.watch();
    await pass();
    events.tell({ type: 'model', data: aStatus('guide', 'loading') });
    answer({
      data: [aStatus('guide', 'queued')],
      models_dirs: [],
      active: null
    });
    await pass();
    expect(stateOf('guide')).toBe('loading');
  });

  it('of models that are not in the list, or that were missed, ask anew', async () => {
    manager.watch();
    await pass();
    server.models = [aStatus('new', 'ready')];
    events.tell({ type: 'model', data: aStatus('new', 'loading') });
    await pass();
    expect(stateOf('new')).toBe('ready');
    const before = server.questions;
    events.tell({
      type: 'model',
      data: aStatus('new', 'ready'),
      missed: 7
    });
    await pass();
    expect(server.questions).toBe(before + 1);
  });

  it('of models that were deleted elsewhere ask anew', async () => {
    server.models = [aStatus('guide', 'ready'), aStatus('old', 'unloaded')];
    manager.watch();
    await pass();
    server.models = [aStatus('guide', 'ready')];
    events.tell({
      type: 'removed',
      data: { model_id: 'old', freed_bytes: 1 }
    });
    await pass();
    expect(stateOf('old')).toBeUndefined();
  });

  it('go to whoever wants them as they are', async () => {
    const heard: string[] = [];
    manager.heard.connect((_, { type }) => heard.push(type));
    manager.watch();
    await pass();
    events.tell({
      type: 'queue',
      data: {
        request_id: 'r',
        model_id: 'guide',
        position: 2,
        stream_id: ''
      }
    });
    expect(heard).toEqual(['queue']);
  });
});

it('knows nothing of a model that was deleted', async () => {
  await manager.refresh();
  expect(await manager.deleteModel('guide')).toBe(5_000_000);
  expect(manager.snapshot.models).toEqual([]);
});

describe('downloads', () => {
  it('are shown from their beginning, with what is on its way first', async () => {
    server.downloads = [
      aDownload('old', 'done'),
      aDownload('half', 'cancelled')
    ];
    await manager.refresh();
    await manager.download('new');
    expect(manager.snapshot.downloads.map(({ id }) => id)).toEqual([
      'new',
      'half',
      'old'
    ]);
  });

  it('are loaded when they are done, if that was asked for', async () => {
    manager.watch();
    await manager.refresh();
    await manager.download('new', { load: true });
    expect(server.loads).toEqual([]);
    server.models = [aStatus('new', 'unloaded')];
    server.downloads = [aDownload('new', 'done')];
    await manager.refresh();
    expect(server.loads).toEqual([['new', undefined]]);
    await manager.refresh();
    expect(server.loads).toHaveLength(1);
  });

  it('are gone once they were dismissed', async () => {
    server.downloads = [
      aDownload('old', 'failed'),
      aDownload('half', 'cancelled')
    ];
    await manager.refresh();
    await manager.dismissDownload('old');
    expect(manager.snapshot.downloads.map(({ id }) => id)).toEqual(['half']);
  });

  it('are not shown when they were dismissed elsewhere', () => {
    const downloads = new Downloads();
    downloads.list([aDownload('half', 'cancelled')]);
    downloads.note(aDownload('half', 'dismissed'));
    expect(downloads.all).toEqual([]);
  });

  it('are not loaded once they were cancelled', async () => {
    await manager.download('new', { load: true });
    await manager.cancelDownload('new');
    server.downloads = [aDownload('new', 'done')];
    await manager.refresh();
    expect(server.loads).toEqual([]);
  });
});
