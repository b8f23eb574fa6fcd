import { nullTranslator } from '@jupyterlab/translation';

import schema from '../schema/panel.json';
import { describe as factsOf, fitLabel } from '../src/panel/facts';
import { formatSpan } from '../src/panel/format';
import { bandsOf, topOf } from '../src/panel/graph';
import { requestOf } from '../src/panel/loadform';
import { PanelModel } from '../src/panel/model';
import { newsBetween } from '../src/panel/news';
import { DEFAULT_SETTINGS, readSettings } from '../src/panel/settings';
import { coloursOf, sharesOf } from '../src/panel/shares';
import { Devices } from '../src/manager/devices';
import { ModelManager } from '../src/manager/manager';
import { Speeds } from '../src/manager/speeds';
import { RestError } from '../src/requests';
import type { IDevice, IModelMemory } from '../src/types';
import { aDownload, aStatus, FakeEvents, FakeServer } from './fakes';

const trans = nullTranslator.load('jupyter_llm');
const GB = 1e9;

function aDevice(device: Partial<IDevice>): IDevice {
  return {
    id: 'cpu',
    kind: 'cpu',
    name: 'RAM',
    total_bytes: 32 * GB,
    used_bytes: 0,
    own_bytes: 0,
    other_servers_bytes: 0,
    ...device
  };
}

function holds(id: string, total_bytes: number): IModelMemory {
  const parts = {
    weights_bytes: total_bytes,
    kv_cache_bytes: 0,
    compute_bytes: 0,
    overhead_bytes: 0
  };
  return { id, engine: 'llama_cpp', total_bytes, ...parts };
}

let panels: PanelModel[] = [];

function aPanel(manager: ModelManager): PanelModel {
  const panel = new PanelModel(manager);
  panels.push(panel);
  return panel;
}

afterEach(() => {
  panels.forEach(panel => {
    panel.dispose();
  });
  panels = [];
});

describe('sharesOf', () => {
  it('tells models, the rest of this server, other servers and everybody else', () => {
    const device = aDevice({
      used_bytes: 10 * GB,
      own_bytes: 5 * GB,
      other_servers_bytes: 2 * GB
    });
    const memory = [holds('a', 3 * GB), holds('b', GB)];
    const shares = sharesOf(device, { devices: [device], memory });
    expect(
      shares.map(({ kind, id, bytes }) => [kind + id, bytes / GB])
    ).toEqual([
      ['modela', 3],
      ['modelb', 1],
      ['server', 1],
      ['neighbours', 2],
      ['others', 3]
    ]);
  });

  it('never gives models more than this server has: what was not read yet is on the disk', () => {
    const device = aDevice({ used_bytes: 2 * GB, own_bytes: GB });
    const memory = [holds('a', 6 * GB), holds('b', 2 * GB)];
    const shares = sharesOf(device, { devices: [device], memory });
    expect(shares.map(({ bytes }) => bytes / GB)).toEqual([0.75, 0.25, 1]);
  });

  it('finds models on the GPUs that this server takes memory of', () => {
    const ram = aDevice({ used_bytes: 4 * GB, own_bytes: GB });
    const gpus = [1, 3].map(own => {
      const own_bytes = own * GB;
      return aDevice({
        id: `gpu${own}`,
        kind: 'cuda',
        used_bytes: 9 * GB,
        own_bytes
      });
    });
    const sample = { devices: [...gpus, ram], memory: [holds('a', 4 * GB)] };
    const kinds = (device: IDevice): string[] =>
      sharesOf(device, sample).map(({ kind }) => kind);
    expect(gpus.map(kinds)).toEqual([
      ['model', 'others'],
      ['model', 'others']
    ]);
    expect(kinds(ram)).toEqual(['server', 'others']);
  });
});

describe('the memory graph', () => {
  it('lays the shares of each moment on each other', () => {
    const sample = (at: number, memory: IModelMemory[]) => ({
      at,
      memory,
      devices: [aDevice({ used_bytes: 4 * GB, own_bytes: 2 * GB })]
    });
    const bands = bandsOf('cpu', [
      sample(1, []),
      sample(2, [holds('a', 2 * GB)])
    ]);
    expect(
      bands.map(({ kind, edges }) => [kind, edges.map(e => e.to / GB)])
    ).toEqual([
      ['model', [0, 2]],
      ['server', [2, 2]],
      ['others', [4, 4]]
    ]);
  });

  it.each([
    [1.5 * GB, 2 * GB],
    [0, 1.5],
    [31 * GB, 32 * GB]
  ])('shows %d bytes below a round number', (used_bytes, top) => {
    expect(topOf(aDevice({ used_bytes }), [])).toBe(top);
  });

  it('keeps a model its colour while others come and go', () => {
    const history = [{ at: 1, devices: [], memory: [holds('a', 1)] }];
    const colours = coloursOf(history, [holds('b', 1)]);
    expect([...colours]).toEqual([
      ['a', 0],
      ['b', 1]
    ]);
  });
});

describe('Devices', () => {
  it('keeps five minutes, no two samples within a second', () => {
    const devices = new Devices();
    const body = { data: [], models: [] };
    [0, 100, 100.2, 350].forEach(at => {
      devices.note(1000 + at, body);
    });
    expect(devices.history.map(({ at }) => at)).toEqual([1100.2, 1350]);
    devices.note(5, body); // another server's clock
    expect(devices.history.map(({ at }) => at)).toEqual([5]);
  });
});

describe('Speeds', () => {
  const count = (num_completion_tokens: number, step_s = 0) => ({
    ...aStatus('guide', 'ready'),
    stats: { ...aStatus('guide', 'ready').stats, num_completion_tokens, step_s }
  });

  it('are tokens by time from one count to the next', () => {
    const speeds = new Speeds();
    speeds.note(10, count(100));
    expect(speeds.byModel.size).toBe(0);
    speeds.note(12, count(150));
    expect(speeds.byModel.get('guide')).toBe(25);
    speeds.note(14, count(0)); // loaded anew: counts begin at zero
    speeds.note(16, count(4));
    expect(speeds.byModel.get('guide')).toBe(2);
  });

  it('are those of the time that the model worked, and stay for a while', () => {
    const speeds = new Speeds();
    speeds.note(10, count(0, 1));
    speeds.note(12, count(150, 1.5));
    expect(speeds.byModel.get('guide')).toBe(300);
    speeds.note(14, count(150, 1.5));
    speeds.pass(21);
    expect(speeds.byModel.get('guide')).toBe(300);
    speeds.pass(23);
    expect(speeds.byModel.size).toBe(0);
  });

  it('are forgotten with the model', () => {
    const speeds = new Speeds();
    speeds.note(10, count(0));
    speeds.note(11, count(7));
    speeds.note(12, aStatus('guide', 'unloading'));
    expect(speeds.byModel.size).toBe(0);
  });
});

describe('newsBetween', () => {
  it('tells of what has come to an end, and nothing of what is seen first', async () => {
    const server = new FakeServer();
    const manager = new ModelManager(server, new FakeEvents().open);
    const before = manager.snapshot;
    await manager.refresh();
    expect(newsBetween(before, manager.snapshot, trans)).toEqual([]);
    const seen = manager.snapshot;
    server.models = [aStatus('guide', 'ready'), aStatus('new', 'unloaded')];
    server.downloads = [aDownload('d', 'failed')];
    await manager.refresh();
    expect(newsBetween(seen, manager.snapshot, trans)).toEqual([
      'guide is ready',
      'The download of org/d has failed'
    ]);
    manager.dispose();
  });
});

describe('load options', () => {
  it('are what was filled in, and nothing else', () => {
    expect(
      requestOf([
        ['context_length', '4096'],
        ['slots', ' '],
        ['num_gpu_layers', '-1'],
        ['kv_type', 'q8_0'],
        ['speculation', 'prompt_lookup'],
        ['draft_model', 'small']
      ])
    ).toEqual({
      context_length: 4096,
      num_gpu_layers: -1,
      kv_type: 'q8_0',
      speculation: 'prompt_lookup'
    });
    expect(
      requestOf([
        ['speculation', 'draft_model'],
        ['draft_model', 'small']
      ])
    ).toEqual({ speculation: 'draft_model', draft_model: 'small' });
  });

  it('of the settings hold where nothing was saved for the model', async () => {
    const server = new FakeServer();
    const manager = new ModelManager(server, new FakeEvents().open);
    const panel = aPanel(manager);
    await panel.load('guide');
    panel.use({
      ...DEFAULT_SETTINGS,
      loadOptions: { slots: 2, num_threads: 3 }
    });
    server.saved = { slots: 8 };
    await panel.load('guide');
    expect(server.loads).toEqual([
      ['guide', undefined],
      ['guide', { num_threads: 3 }]
    ]);
  });
});

describe('suggestions', () => {
  const settings = readSettings({
    composite: { suggestions: [{ repo_id: 'a/a' }, { repo_id: 'b/b' }] }
  });

  it.each([
    [new RestError('no such', 404, 'model_not_found'), ['a/a', 'b/b']],
    [new RestError('out of reach', 502, 'hub_error'), ['a/a']]
  ])('are asked for until the Hub is out of reach', async (failure, asked) => {
    const server = new FakeServer();
    server.failure = failure;
    const panel = aPanel(new ModelManager(server, new FakeEvents().open));
    panel.use(settings);
    await panel.suggest();
    expect([...panel.offers.keys()]).toEqual(asked);
  });
});

it('has the same defaults as the schema of the settings', () => {
  const defaults = Object.entries(schema.properties).map(
    ([name, { default: value }]) => [name, value]
  );
  expect(Object.fromEntries(defaults)).toEqual(DEFAULT_SETTINGS);
});

it('says of a model what is known of it', () => {
  const { model } = aStatus('guide', 'ready');
  expect(factsOf(model, trans)).toBe(
    '2.3M parameters · Q8_0 · 5 MB · 1k context'
  );
  expect(fitLabel('will not fit', trans)).toBe('too big');
});

it.each([
  [42.4, '42 s'],
  [-3, '0 s'],
  [300, '5 min'],
  [5400, '1.5 h']
])('formats %d seconds as %s', (seconds, text) => {
  expect(formatSpan(seconds, trans)).toBe(text);
});
