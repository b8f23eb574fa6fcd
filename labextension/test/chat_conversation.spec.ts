import { advance, later, newAnswer } from '../src/chat/answer';
import {
  answeredBy,
  asked,
  askedAgain,
  edited,
  merged,
  questionOf,
  runningAnswers
} from '../src/chat/conversation';
import { type IAnswer, SERVER_DEFAULTS } from '../src/chat/tokens';
import { chatBody } from '../src/chat/wire';
import { aConversation, aQuestion, delta, end } from './chat_fakes';

const ANSWER = newAnswer('a1', 'guide');

function heard(...texts: string[]): IAnswer {
  return texts
    .map((text, place) => delta(place + 1, text))
    .reduce(advance, ANSWER);
}

describe('an answer', () => {
  it('grows with its events and ends with the last', () => {
    const answer = advance(heard('Good ', 'day'), end(3));
    expect(answer).toMatchObject({ text: 'Good day', state: 'done' });
  });

  it('takes no event twice', () => {
    const again = advance(heard('one', 'two'), delta(2, 'two'));
    expect(again.text).toBe('onetwo');
  });

  it('keeps reasoning apart, and what it cost', () => {
    const chunk = {
      choices: [
        { delta: { reasoning_content: 'Hm.' }, finish_reason: 'length' }
      ],
      usage: { prompt_tokens: 3, completion_tokens: 1 },
      timings: { tokens_per_s: 9.5 }
    };
    const answer = advance(ANSWER, { id: '1', data: JSON.stringify(chunk) });
    expect(answer).toMatchObject({
      text: '',
      reasoning: 'Hm.',
      finishReason: 'length',
      stats: { promptTokens: 3, completionTokens: 1, tokensPerS: 9.5 }
    });
  });

  it('fails with the words of the server, and keeps what came', () => {
    const data = JSON.stringify({
      error: { message: 'Oh', code: 'engine_died' }
    });
    const answer = advance(heard('Good'), { id: '2', data });
    expect(answer).toMatchObject({
      text: 'Good',
      state: 'failed',
      problem: { message: 'Oh', code: 'engine_died' }
    });
  });

  it('is the later one of two pictures', () => {
    const stopped: IAnswer = { ...heard('one'), state: 'stopped' };
    const further = heard('one', 'two');
    expect(later(heard('one'), further)).toBe(further);
    expect(later(further, heard('one'))).toBe(further);
    expect(later(stopped, further)).toBe(stopped);
    expect(later(further, stopped)).toBe(stopped);
    expect(later(stopped, { ...further, state: 'failed' })).toBe(stopped);
  });
});

describe('a conversation', () => {
  it('is called after the first line of its first question, cut at a word', () => {
    expect(aConversation('## Why?\nBecause.').title).toBe('Why?');
    const long = aConversation('word '.repeat(40)).title;
    expect(long).toMatch(/^(word )+word…$/);
    expect(long.length).toBeLessThan(62);
  });

  it('keeps its title', () => {
    const next = newAnswer('a2', 'guide');
    const later = asked(aConversation(), aQuestion('More'), next, 2000);
    expect(later).toMatchObject({ title: 'Hello', updatedAt: 2000 });
    expect(later.messages).toHaveLength(4);
  });

  it('loses what came after a question that is asked in other words', () => {
    const next = newAnswer('a2', 'guide');
    const two = asked(aConversation(), aQuestion('More'), next, 2000);
    const third = newAnswer('a3', 'guide');
    const after = edited(two, 'Hello', aQuestion('Hi'), third, 3000);
    expect(after.messages.map(({ id }) => id)).toEqual(['Hi', 'a3']);
    expect(after.title).toBe('Hi');
  });

  it('has another answer in the place of one that is asked for again', () => {
    const next = newAnswer('a2', 'guide');
    const after = askedAgain(aConversation(), 'a1', next, 2000);
    expect(after.messages.map(({ id }) => id)).toEqual(['Hello', 'a2']);
    expect(questionOf(after, 'a2')?.text).toBe('Hello');
  });

  it('takes no answer that it does not have', () => {
    const other = { ...heard('one'), id: 'elsewhere' };
    expect(answeredBy(other)(aConversation())).toEqual(aConversation());
    expect(answeredBy(other)(null)).toBeNull();
  });

  it('is merged of what is stored and what has come here', () => {
    const here = answeredBy(heard('one', 'two'))(aConversation());
    const stored = answeredBy(heard('one'))({
      ...aConversation(),
      title: 'Renamed'
    });
    if (!here || !stored) {
      throw new Error('both exist');
    }
    const both = merged(stored, here);
    expect(both.title).toBe('Renamed');
    expect(runningAnswers(both)[0]?.text).toBe('onetwo');
  });
});

describe('a request', () => {
  it('has every turn but the answer that it asks for', () => {
    const done: IAnswer = { ...heard('Good day'), state: 'done' };
    const first = answeredBy(done)(aConversation());
    const next = newAnswer('a2', 'guide');
    const body = chatBody(
      asked(first ?? aConversation(), aQuestion('More'), next, 2000),
      'a2'
    );
    expect(body).toEqual({
      model: 'guide',
      messages: [
        { role: 'user', content: 'Hello' },
        { role: 'assistant', content: 'Good day' },
        { role: 'user', content: 'More' }
      ],
      stream: true,
      stream_options: { include_usage: true },
      resumable: true,
      stream_id: 'a2'
    });
  });

  it('leaves out what was never answered, so that turns alternate', () => {
    const failed: IAnswer = { ...ANSWER, state: 'failed' };
    const first = answeredBy(failed)(aConversation());
    const next = newAnswer('a2', 'guide');
    const body = chatBody(
      asked(first ?? aConversation(), aQuestion('Again'), next, 2000),
      'a2'
    );
    expect(body.messages).toEqual([{ role: 'user', content: 'Again' }]);
  });

  it('says how the model is to answer, where the user did', () => {
    const sampling = {
      ...SERVER_DEFAULTS,
      systemPrompt: 'Be brief.',
      temperature: 0,
      maxTokens: 5
    };
    const body = chatBody({ ...aConversation(), sampling }, 'a1');
    expect(body).toMatchObject({ temperature: 0, max_tokens: 5 });
    expect(body.messages[0]).toEqual({ role: 'system', content: 'Be brief.' });
    expect(body).not.toHaveProperty('top_p');
    expect(body).not.toHaveProperty('seed');
  });

  it('quotes what is attached in a fence that it does not close', () => {
    const item = {
      id: 'i',
      title: 'Cell 1',
      origin: 'Cell 1 of a.ipynb',
      language: 'python',
      text: 's = """\n```\n"""',
      isCut: true
    };
    const conversation = aConversation();
    const question = { ...aQuestion('Why?'), context: [item] };
    const body = chatBody(
      { ...conversation, messages: [question, ANSWER] },
      'a1'
    );
    expect(body.messages[0]?.content).toBe(
      'Cell 1 of a.ipynb (cut off):\n````python\ns = """\n```\n"""\n````\n\nWhy?'
    );
  });
});
