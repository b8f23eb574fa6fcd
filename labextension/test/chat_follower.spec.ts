import { newAnswer } from '../src/chat/answer';
import { Follower } from '../src/chat/follower';
import type { IAnswer } from '../src/chat/tokens';
import { chatBody } from '../src/chat/wire';
import { RestError } from '../src/requests';
import {
  aConversation,
  delta,
  end,
  FakeChatServer,
  settled
} from './chat_fakes';

const BODY = chatBody(aConversation(), 'a1');

let server: FakeChatServer;
let controller: AbortController;
let answer: IAnswer;
let lost: boolean[];

beforeEach(() => {
  server = new FakeChatServer();
  controller = new AbortController();
  answer = newAnswer('a1', 'guide');
  lost = [];
});

function follow(body?: typeof BODY): Promise<void> {
  const follower = new Follower(answer, {
    api: server,
    signal: controller.signal,
    ...(body && { body }),
    onAnswer: next => {
      answer = next;
    },
    onConnection: isLost => {
      lost.push(isLost);
    },
    retriesMs: [0, 0, 0, 0]
  });
  return follower.run();
}

it('follows an answer to its end', async () => {
  const run = follow(BODY);
  await settled();
  await server.say(delta(1, 'Good '), delta(2, 'day'), end(3));
  await run;
  expect(answer).toMatchObject({ text: 'Good day', state: 'done' });
  expect(server.asked).toHaveLength(1);
});

it('goes on where a connection broke, and asks once', async () => {
  const run = follow(BODY);
  await settled();
  await server.say(delta(1, 'Good '));
  await server.breakConnection();
  await server.say(delta(2, 'day'), end(3));
  await run;
  expect(answer).toMatchObject({ text: 'Good day', state: 'done' });
  expect(server.asked).toHaveLength(1);
  expect(lost).toContain(true);
  expect(lost.at(-1)).toBe(false);
});

it('keeps what came when the server has forgotten the stream', async () => {
  const run = follow(BODY);
  await settled();
  await server.say(delta(1, 'Good '));
  await server.breakConnection();
  server.forget();
  await run;
  expect(answer).toMatchObject({
    text: 'Good ',
    state: 'failed',
    problem: { code: 'cut_off' }
  });
});

it('says what the server refused, and when to come back', async () => {
  server.refusal = new RestError('Wait', 429, 'overloaded', '', 7);
  const before = Date.now();
  await follow(BODY);
  expect(answer).toMatchObject({
    state: 'failed',
    problem: { message: 'Wait', code: 'overloaded' }
  });
  expect(answer.problem?.retryAt).toBeGreaterThanOrEqual(before + 7000);
  expect(server.asked).toHaveLength(1);
});

it('asks for a plain stream where the server keeps none', async () => {
  server.refusal = new RestError('No', 400, 'invalid_value', 'resumable');
  const run = follow(BODY);
  await settled();
  await new Promise(resolve => setTimeout(resolve, 20));
  await server.say(delta(1, 'Yes'), end(2));
  await run;
  expect(answer).toMatchObject({ text: 'Yes', state: 'done' });
  expect(server.asked[1]).not.toHaveProperty('resumable');
  expect(server.asked[1]).not.toHaveProperty('stream_id');
});

it('changes nothing any more once it is left', async () => {
  const run = follow(BODY);
  await settled();
  await server.say(delta(1, 'Good '));
  controller.abort();
  await run;
  await server.say(delta(2, 'day'));
  expect(answer).toMatchObject({ text: 'Good ', state: 'running' });
});

it('gives up a server that does not answer', async () => {
  server.follow = () => Promise.reject(new TypeError('network'));
  await follow();
  expect(answer).toMatchObject({
    state: 'failed',
    problem: { code: 'unreachable' }
  });
});
