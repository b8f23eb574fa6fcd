import type { TranslationBundle } from '@jupyterlab/translation';

import { explain } from './remedy';
import type { IAnswer, IConversation } from './tokens';

/** Characters of an answer that are read out. */
const MAX_LENGTH = 1000;

/** What a screen reader is to say of a change; empty for nothing, as while an answer comes. */
export function announcementOf(
  before: IConversation,
  after: IConversation,
  trans: TranslationBundle
): string {
  const running = new Set(
    before.messages.flatMap(message => (isRunning(message) ? [message.id] : []))
  );
  for (const message of after.messages) {
    if (message.role === 'assistant' && !isRunning(message)) {
      if (running.has(message.id)) {
        return ending(message, trans);
      }
    }
  }
  return '';
}

function ending(answer: IAnswer, trans: TranslationBundle): string {
  if (answer.problem) {
    const { title, detail } = explain(answer.problem, trans);
    return `${title} ${detail}`.trim();
  }
  const text = answer.text.slice(0, MAX_LENGTH);
  return answer.state === 'stopped'
    ? trans.__('Stopped. %1', text)
    : trans.__('Answer: %1', text);
}

function isRunning(message: IConversation['messages'][number]): boolean {
  return message.role === 'assistant' && message.state === 'running';
}
