import 'fake-indexeddb/auto';

import { BrowserStore } from '../src/chat/browser_store';
import { ChatModel } from '../src/chat/model';
import type { IAnswer } from '../src/chat/tokens';
import { delta, end, FakeChatServer, settled } from './chat_fakes';

let number = 0;
let name: string;
let server: FakeChatServer;
let models: ChatModel[];
let place: string;

beforeEach(() => {
  name = `model-${number++}`;
  server = new FakeChatServer();
  models = [];
  place = '';
  // the latest conversation is the first of the list: no two have the same time
  let now = Date.now();
  jest.spyOn(Date, 'now').mockImplementation(() => now++);
});

afterEach(() => {
  for (const model of models) {
    model.dispose();
  }
  jest.restoreAllMocks();
});

function aModel(): ChatModel {
  const model = new ChatModel({
    api: server,
    openStore: () => BrowserStore.open(name),
    place: {
      get: () => place,
      set: id => {
        place = id;
      }
    }
  });
  models.push(model);
  return model;
}

/** The chat of a page that has just been loaded. */
async function aPage(): Promise<ChatModel> {
  const model = aModel();
  await model.start();
  await settled();
  return model;
}

function lastAnswer(model: ChatModel): IAnswer {
  const message = model.state.conversation.messages.at(-1);
  if (message?.role !== 'assistant') {
    throw new Error('the last message is no answer');
  }
  return message;
}

/** Long enough for pages to hear of each other and to save. */
async function later(): Promise<void> {
  await new Promise(resolve => setTimeout(resolve, 500));
  await settled();
}

async function asked(model: ChatModel, text = 'Hello'): Promise<void> {
  await model.send(text);
  await settled();
}

it('sends what is attached, once', async () => {
  const model = await aPage();
  const item = {
    id: 'i',
    title: 'x',
    origin: 'Variable x',
    language: '',
    text: '42',
    isCut: false
  };
  model.attach({ ...item, text: '41' });
  model.attach(item);
  expect(model.state.attached).toEqual([item]);
  await asked(model, 'What is x?');
  expect(server.asked[0]?.messages[0]?.content).toContain('42');
  expect(model.state.attached).toEqual([]);
});

it('goes on with an answer when its page is loaded anew', async () => {
  const first = await aPage();
  await asked(first);
  await server.say(delta(1, 'Good '));
  first.dispose();
  const second = await aPage();
  expect(lastAnswer(second).state).toBe('running');
  await server.say(delta(2, 'day'), end(3));
  expect(lastAnswer(second)).toMatchObject({ text: 'Good day', state: 'done' });
  expect(server.asked).toHaveLength(1);
});

it('shows the same in two pages, and either can stop', async () => {
  const one = await aPage();
  await asked(one);
  const other = await aPage();
  await server.say(delta(1, 'Good '));
  expect(lastAnswer(other).text).toBe('Good ');
  await other.stop();
  await later();
  expect(lastAnswer(one).state).toBe('stopped');
  expect(lastAnswer(other).state).toBe('stopped');
  expect(server.stopped).toEqual([lastAnswer(one).streamId]);
});

it('stops an answer that has not begun', async () => {
  const model = await aPage();
  await asked(model);
  await model.stop();
  expect(lastAnswer(model).state).toBe('stopped');
  expect(server.stopped).toEqual([server.asked[0]?.stream_id]);
});

it('lets an answer go on in a conversation that nobody looks at', async () => {
  const model = await aPage();
  await asked(model);
  const { id } = model.state.conversation;
  model.create();
  const inAMoment = Date.now() + 1;
  jest.spyOn(Date, 'now').mockReturnValue(inAMoment);
  await asked(model, 'Other');
  expect(model.state.summaries.map(({ title }) => title)).toEqual([
    'Other',
    'Hello'
  ]);
  await model.remove(id);
  expect(server.stopped).toEqual([server.asked[0]?.stream_id]);
  expect(model.state.summaries.map(({ title }) => title)).toEqual(['Other']);
});

it('asks again in the same words and in others', async () => {
  const model = await aPage();
  await asked(model);
  await server.say(delta(1, 'First'), end(2));
  await model.regenerate(lastAnswer(model).id);
  await settled();
  await server.say(delta(1, 'Second'), end(2));
  expect(lastAnswer(model).text).toBe('Second');
  const [question] = model.state.conversation.messages;
  if (question?.role !== 'user') {
    throw new Error('the first message is no question');
  }
  await model.edit(question, 'Hi');
  await settled();
  expect(model.state.conversation.messages).toHaveLength(2);
  expect(server.asked.at(-1)?.messages).toEqual([
    { role: 'user', content: 'Hi' }
  ]);
});

it('keeps names and settings of conversations', async () => {
  const model = await aPage();
  await model.setModel('guide');
  await asked(model);
  const { id, sampling } = model.state.conversation;
  await model.setSampling({ ...sampling, temperature: 0 });
  await model.rename(id, ' Better ');
  await model.rename(id, ' ');
  const next = await aPage();
  expect(next.state.conversation).toMatchObject({
    title: 'Better',
    modelId: 'guide',
    sampling: { temperature: 0 }
  });
});

it('begins conversations as the settings say', async () => {
  const model = await aPage();
  const { sampling } = model.state.conversation;
  model.setDefaults({ ...sampling, temperature: 1.5 });
  expect(model.state.conversation.sampling.temperature).toBe(1.5);
  await asked(model);
  expect(server.asked[0]).toMatchObject({ temperature: 1.5 });
});

it('finds what was open, whatever the settings say before that', async () => {
  const first = await aPage();
  await asked(first);
  const { id, sampling } = first.state.conversation;
  first.dispose();
  const second = aModel();
  second.setDefaults({ ...sampling, temperature: 1 });
  await second.start();
  expect(second.state.conversation.id).toBe(id);
});

it('follows another page that deletes the conversation', async () => {
  const one = await aPage();
  await asked(one);
  const other = await aPage();
  await other.remove(other.state.conversation.id);
  await later();
  expect(one.state.conversation.messages).toEqual([]);
  expect(one.state.summaries).toEqual([]);
});
