import { ModelManager } from '../src/manager';
import { RestError } from '../src/restapi';
import type { IModelsBody, ModelState } from '../src/types';
import { aStatus, FakeServer } from './fakes';

let server: FakeServer;
let manager: ModelManager;

beforeEach(() => {
  server = new FakeServer();
  manager = new ModelManager(server);
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
      mayWrite: true
    });
    expect(stateOf('guide')).toBe('unloaded');
  });

  it('tells those who listen', async () => {
    const heard: boolean[] = [];
    manager.changed.connect((_, snapshot) => heard.push(snapshot.asked));
    await manager.refresh();
    expect(heard).toEqual([true]);
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
    await Promise.resolve();
    await Promise.resolve();
    server.listModels = prompt;
    server.models = [aStatus('guide', 'ready')];
    await manager.refresh();
    answerLate({ data: [aStatus('guide', 'unloaded')], models_dirs: [] });
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

describe('watch', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  it('asks nothing before somebody looks', async () => {
    await jest.advanceTimersByTimeAsync(60_000);
    expect(server.questions).toBe(0);
  });

  it('asks at once, then seldom, and stops when nobody looks', async () => {
    manager.watch(true);
    await jest.advanceTimersByTimeAsync(1000);
    expect(server.questions).toBe(1);
    await jest.advanceTimersByTimeAsync(9000);
    expect(server.questions).toBe(4);
    manager.watch(false);
    await jest.advanceTimersByTimeAsync(60_000);
    expect(server.questions).toBe(4);
    manager.watch(true);
    await jest.advanceTimersByTimeAsync(1000);
    expect(server.questions).toBe(5);
  });

  it('asks often while a model moves', async () => {
    server.models = [aStatus('guide', 'loading')];
    manager.watch(true);
    await jest.advanceTimersByTimeAsync(7000);
    expect(server.questions).toBeGreaterThanOrEqual(10);
  });

  it('asks less and less while the server is away', async () => {
    server.failure = new TypeError('network');
    manager.watch(true);
    await jest.advanceTimersByTimeAsync(300_000);
    expect(server.questions).toBeLessThan(30);
  });
});
