import type { IInlineCompletionContext } from '@jupyterlab/completer';
import { nullTranslator } from '@jupyterlab/translation';
import type { LabIcon } from '@jupyterlab/ui-components';
import { DisposableDelegate } from '@lumino/disposable';

import type {
  ICompletionRequest,
  ICompletionsAPI
} from '../src/completion/api';
import { chooseModel } from '../src/completion/choose';
import { isInsideLine, surroundings } from '../src/completion/context';
import { CompletionProvider } from '../src/completion/provider';
import { readSettings } from '../src/completion/settings';
import { ModelManager } from '../src/manager/manager';
import type { IModelEntry, ModelState } from '../src/types';
import { aStatus, FakeEvents, FakeServer } from './fakes';

const CONTEXT = { session: null } as IInlineCompletionContext;
const NOWHERE = { before: [], behind: [] };

function aModel(
  id: string,
  state: ModelState,
  canFillGaps = false
): IModelEntry {
  const status = aStatus(id, state);
  const stats = {
    ...status.stats,
    context_length: 1024,
    can_fill_gaps: canFillGaps
  };
  return { ...status, stats };
}

/** Writes what it is told to, and remembers what it was asked. */
class FakeAPI implements ICompletionsAPI {
  pieces = ['return', ' 1'];
  asked: ICompletionRequest[] = [];
  signals: AbortSignal[] = [];

  async *write(
    request: ICompletionRequest,
    signal: AbortSignal
  ): AsyncGenerator<string, void> {
    this.asked.push(request);
    this.signals.push(signal);
    for (const piece of this.pieces) {
      await Promise.resolve();
      signal.throwIfAborted();
      yield piece;
    }
  }
}

let server: FakeServer;
let manager: ModelManager;
let api: FakeAPI;
let type: () => void;
let provider: CompletionProvider;

beforeEach(async () => {
  server = new FakeServer();
  server.models = [aModel('coder', 'ready', true)];
  manager = new ModelManager(server, new FakeEvents().open);
  api = new FakeAPI();
  provider = new CompletionProvider({
    manager,
    api,
    icon: null as unknown as LabIcon,
    trans: nullTranslator.load('jupyter_llm'),
    neighboursIn: () => ({ before: ['import this'], behind: [] }),
    onTyping: (_, callback) => {
      type = callback;
      return new DisposableDelegate(() => undefined);
    }
  });
  provider.configure({ enabled: true });
  await manager.refresh();
});

afterEach(() => {
  provider.configure({ enabled: false });
  manager.dispose();
});

function at(text: string): { text: string; offset: number } {
  const offset = text.indexOf('|');
  return { text: text.replace('|', ''), offset };
}

async function suggestion(text: string): Promise<string | undefined> {
  const { items } = await provider.fetch(at(text), CONTEXT);
  let last = items[0]?.insertText;
  for await (const { response } of provider.stream(items[0]?.token ?? '')) {
    last = response.insertText;
  }
  return last;
}

describe('the provider', () => {
  it('shows the first text at once and streams the rest', async () => {
    const { items } = await provider.fetch(at('def f():\n    |'), CONTEXT);
    expect(items).toMatchObject([{ insertText: 'return', isIncomplete: true }]);
    const seen: string[] = [];
    for await (const { response } of provider.stream(items[0]?.token ?? '')) {
      seen.push(response.insertText);
    }
    expect(seen).toEqual(['return 1']);
  });

  it('asks a model that fills gaps for what is between', async () => {
    await suggestion('def f():\n    |\n\nf()');
    expect(api.asked).toEqual([
      {
        model: 'coder',
        prompt: 'import this\n\ndef f():\n    ',
        suffix: '\n\nf()',
        max_tokens: 64
      }
    ]);
  });

  it('asks another one only at the end of a line', async () => {
    server.models = [aModel('writer', 'ready')];
    await manager.refresh();
    expect(await suggestion('print(|)')).toBe('return 1');
    expect(api.asked[0]?.suffix).toBeUndefined();
    expect(await suggestion('print(| + 1)')).toBeUndefined();
    expect(api.asked).toHaveLength(1);
  });

  it('says nothing, and loads nothing, where no model is loaded', async () => {
    server.models = [aModel('coder', 'unloaded', true)];
    await manager.refresh();
    expect(await suggestion('def f|')).toBeUndefined();
    expect(api.asked).toEqual([]);
    expect(server.loads).toEqual([]);
  });

  it('says nothing to who may not ask models', async () => {
    server.granted = { read: true, execute: false, write: false };
    const strict = new ModelManager(server, new FakeEvents().open);
    await strict.refresh();
    expect(chooseModel(strict.snapshot, '')).toBeNull();
    strict.dispose();
  });

  it('ends a request at the next key', async () => {
    const pending = provider.fetch(at('def f|'), CONTEXT);
    type();
    expect((await pending).items).toEqual([]);
    expect(api.signals[0]?.aborted).toBe(true);
  });

  it('ends a request that another one follows', async () => {
    const first = provider.fetch(at('def f|'), CONTEXT);
    const second = provider.fetch(at('def fo|'), CONTEXT);
    expect((await first).items).toEqual([]);
    expect((await second).items).toHaveLength(1);
  });

  it('keeps what has come when a stream is ended', async () => {
    const { items } = await provider.fetch(at('def f|'), CONTEXT);
    type();
    expect(await rest(items[0]?.token)).toEqual([]);
  });

  it('counts characters as people do', async () => {
    await provider.fetch({ text: '"😀" + x', offset: 3 }, CONTEXT);
    expect(api.asked[0]?.prompt.endsWith('"😀"')).toBe(true);
  });

  it('is silent where a model has nothing to say', async () => {
    api.pieces = ['', '\n'];
    expect(await suggestion('def f|')).toBeUndefined();
  });

  async function rest(token = ''): Promise<string[]> {
    const seen: string[] = [];
    for await (const { response } of provider.stream(token)) {
      seen.push(response.insertText);
    }
    return seen;
  }
});

describe('chooseModel', () => {
  it('prefers what fills gaps, and passes over what knows no code', async () => {
    const builtIn = aModel('guide', 'ready', true);
    builtIn.model.source = 'built-in';
    server.models = [builtIn, aModel('a', 'ready'), aModel('b', 'ready', true)];
    await manager.refresh();
    expect(chooseModel(manager.snapshot, '')?.model.id).toBe('b');
    expect(chooseModel(manager.snapshot, 'guide')?.model.id).toBe('guide');
    expect(chooseModel(manager.snapshot, 'absent')).toBeNull();
  });
});

describe('surroundings', () => {
  it('takes cells in their order', () => {
    const neighbours = { before: ['a', 'b'], behind: ['d', 'e'] };
    expect(surroundings('xy', 1, neighbours, 100)).toEqual({
      before: 'a\n\nb\n\nx',
      behind: 'y\n\nd\n\ne'
    });
  });

  it('cuts what is farthest, at a line where there is one', () => {
    const text = `${'far\n'.repeat(50)}near`;
    const { before, behind } = surroundings(
      `${text}${'behind '.repeat(50)}`,
      text.length,
      NOWHERE,
      40
    );
    expect(before).toBe(`${'far\n'.repeat(6)}near`);
    expect(behind).toBe('behind behin');
  });

  it('has the room that the other side leaves', () => {
    const { before } = surroundings('x'.repeat(100), 100, NOWHERE, 80);
    expect(before).toHaveLength(80);
  });
});

it.each([
  ['', false],
  [')\nmore', false],
  ['"):', false],
  [' + 1)', true],
  ['\nmore', false]
])('knows whether %j is inside a line', (behind, isInside) => {
  expect(isInsideLine(behind)).toBe(isInside);
});

it.each([
  [undefined, 4000],
  [{ contextCharacters: 'many' }, 4000],
  [{ contextCharacters: 500 }, 500]
])('reads the settings %j', (given, expected) => {
  expect(readSettings(given).contextCharacters).toBe(expected);
  expect(readSettings(given).enabled).toBe(false);
});
