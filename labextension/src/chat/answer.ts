import type { ISseEvent } from '../sse';
import type { IAnswer, IProblem } from './tokens';
import type { IChunk, IErrorBody } from './wire';

/** An answer that has been asked for and has not begun. */
export function newAnswer(id: string, modelId: string): IAnswer {
  return {
    role: 'assistant',
    id,
    modelId,
    state: 'running',
    text: '',
    reasoning: '',
    streamId: id,
    lastEvent: 0,
    finishReason: '',
    stats: null,
    problem: null
  };
}

/** The answer with an event of its stream in it. */
export function advance(answer: IAnswer, event: ISseEvent): IAnswer {
  const lastEvent = Number(event.id) || answer.lastEvent + 1;
  if (answer.state !== 'running' || lastEvent <= answer.lastEvent) {
    return answer;
  }
  if (event.data === '[DONE]') {
    return { ...answer, lastEvent, state: 'done' };
  }
  const chunk = JSON.parse(event.data) as IChunk;
  return chunk.error
    ? failed({ ...answer, lastEvent }, problemOf(chunk.error))
    : { ...withChunk(answer, chunk), lastEvent };
}

/** The answer, ended by what went wrong; what came of it stays. */
export function failed(answer: IAnswer, problem: IProblem): IAnswer {
  return { ...answer, state: 'failed', problem };
}

/** What the server says went wrong, with its `Retry-After` in seconds. */
export function problemOf(
  error: IErrorBody,
  retryAfterS = 0,
  now = Date.now()
): IProblem {
  return {
    message: error.message ?? '',
    code: error.code ?? '',
    retryAt: retryAfterS > 0 ? now + 1000 * retryAfterS : 0
  };
}

/** Of two pictures of one answer the later one: it has ended, or more of it has come. */
export function later(one: IAnswer, other: IAnswer): IAnswer {
  if (one.state !== 'running' || other.state !== 'running') {
    return one.state === 'running' ? other : one;
  }
  return other.lastEvent > one.lastEvent ? other : one;
}

function withChunk(answer: IAnswer, chunk: IChunk): IAnswer {
  const choice = chunk.choices?.[0];
  return {
    ...answer,
    text: answer.text + (choice?.delta?.content ?? ''),
    reasoning: answer.reasoning + (choice?.delta?.reasoning_content ?? ''),
    finishReason: choice?.finish_reason ?? answer.finishReason,
    stats: statsOf(answer, chunk)
  };
}

function statsOf(
  answer: IAnswer,
  { usage, timings }: IChunk
): IAnswer['stats'] {
  if (!usage && !timings) {
    return answer.stats;
  }
  return {
    promptTokens: usage?.prompt_tokens ?? answer.stats?.promptTokens ?? null,
    completionTokens:
      usage?.completion_tokens ?? answer.stats?.completionTokens ?? null,
    tokensPerS: timings?.tokens_per_s ?? answer.stats?.tokensPerS ?? null
  };
}
