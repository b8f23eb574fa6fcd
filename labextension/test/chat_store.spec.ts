import 'fake-indexeddb/auto';

import { answeredBy } from '../src/chat/conversation';
import { BrowserStore } from '../src/chat/browser_store';
import { MemoryStore } from '../src/chat/memory_store';
import { openStore } from '../src/chat/open_store';
import { advance, newAnswer } from '../src/chat/answer';
import type { IChatStore } from '../src/chat/store';
import type { Change } from '../src/chat/tokens';
import { aConversation, delta, settled } from './chat_fakes';

let number = 0;
let name: string;

beforeEach(() => {
  name = `store-${number++}`;
});

describe.each([
  ['the browser', () => BrowserStore.open(name)],
  ['memory', () => Promise.resolve(new MemoryStore())]
])('a store in %s', (_, open: () => Promise<IChatStore>) => {
  let store: IChatStore;

  beforeEach(async () => {
    store = await open();
  });

  afterEach(() => {
    store.close();
  });

  it('keeps conversations, and lists the latest first', async () => {
    const older = aConversation('Old', 'c1');
    const newer = { ...aConversation('New', 'c2'), updatedAt: 2000 };
    await store.update('c1', () => older);
    await store.update('c2', () => newer);
    expect(await store.read('c1')).toEqual(older);
    expect((await store.list()).map(({ title }) => title)).toEqual([
      'New',
      'Old'
    ]);
  });

  it('applies a change to what is stored', async () => {
    await store.update('c1', () => aConversation());
    const rename: Change = before => before && { ...before, title: 'Other' };
    expect(await store.update('c1', rename)).toMatchObject({ title: 'Other' });
    expect(await store.update('c9', rename)).toBeNull();
    expect(await store.read('c9')).toBeNull();
  });

  it('deletes', async () => {
    await store.update('c1', () => aConversation());
    await store.update('c1', () => null);
    expect(await store.read('c1')).toBeNull();
    expect(await store.list()).toEqual([]);
  });
});

describe('two pages', () => {
  let one: BrowserStore;
  let other: BrowserStore;

  beforeEach(async () => {
    one = await BrowserStore.open(name);
    other = await BrowserStore.open(name);
  });

  afterEach(() => {
    one.close();
    other.close();
  });

  it('hear of what the other one changes, not of what they change', async () => {
    const heard: string[] = [];
    one.changedElsewhere.connect(() => heard.push('one'));
    other.changedElsewhere.connect((_, id) => heard.push(id));
    await one.update('c1', () => aConversation());
    await new Promise(resolve => setTimeout(resolve, 50));
    await settled();
    expect(heard).toEqual(['c1']);
  });

  it('lose nothing when both write at once', async () => {
    await one.update('c1', () => aConversation());
    const answer = newAnswer('a1', 'guide');
    const [early, late] = [delta(1, 'one'), delta(2, 'two')];
    const first = advance(answer, early);
    await Promise.all([
      one.update('c1', answeredBy(advance(first, late))),
      other.update('c1', before => before && { ...before, title: 'Renamed' }),
      other.update('c1', answeredBy(first))
    ]);
    const stored = await one.read('c1');
    expect(stored?.title).toBe('Renamed');
    expect(stored?.messages.at(-1)).toMatchObject({ text: 'onetwo' });
  });
});

it('keeps conversations for the page where a browser has no database', async () => {
  const broken = jest.spyOn(indexedDB, 'open').mockImplementation(() => {
    throw new Error('not allowed');
  });
  const store = await openStore('http://lab.test/');
  expect(store.isLasting).toBe(false);
  broken.mockRestore();
});
