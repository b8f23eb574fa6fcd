import { later } from './answer';
import type {
  Change,
  IAnswer,
  IContextItem,
  IConversation,
  IQuestion,
  ISampling,
  Message
} from './tokens';

const TITLE_LENGTH = 60;

/** A conversation in which nothing has been said. */
export function newConversation(
  id: string,
  options: { modelId: string; sampling: ISampling }
): IConversation {
  return { id, title: '', updatedAt: 0, ...options, messages: [] };
}

/** A question, with what goes to the model with it. */
export function newQuestion(
  id: string,
  text: string,
  context: readonly IContextItem[]
): IQuestion {
  return { role: 'user', id, text, context };
}

/** A question and the answer that is to come; the first question is the title. */
export function asked(
  conversation: IConversation,
  question: IQuestion,
  answer: IAnswer,
  now: number
): IConversation {
  return {
    ...conversation,
    title: conversation.title || titleOf(question),
    updatedAt: now,
    messages: [...conversation.messages, question, answer]
  };
}

/** The conversation up to the question before this answer, and a new answer to it. */
export function askedAgain(
  conversation: IConversation,
  answerId: string,
  answer: IAnswer,
  now: number
): IConversation {
  const messages = [...before(conversation.messages, answerId), answer];
  return { ...conversation, updatedAt: now, messages };
}

/** The conversation up to this question, which is asked in other words. */
export function edited(
  conversation: IConversation,
  questionId: string,
  question: IQuestion,
  answer: IAnswer,
  now: number
): IConversation {
  const messages = before(conversation.messages, questionId);
  const title = messages.length === 0 ? titleOf(question) : conversation.title;
  const cut = { ...conversation, messages, title };
  return asked(cut, question, answer, now);
}

/** Puts an answer in the place of an earlier picture of it, in a conversation that has it. */
export function answeredBy(answer: IAnswer): Change {
  return conversation =>
    conversation && {
      ...conversation,
      messages: conversation.messages.map(message =>
        message.role === 'assistant' && message.id === answer.id
          ? later(message, answer)
          : message
      )
    };
}

/** What is kept of two pictures of a conversation: the stored one, and answers as they are here. */
export function merged(
  stored: IConversation,
  here: IConversation
): IConversation {
  return here.messages.reduce<IConversation>(
    (conversation, message) =>
      message.role === 'assistant'
        ? (answeredBy(message)(conversation) ?? conversation)
        : conversation,
    stored
  );
}

/** The answers that have not ended. */
export function runningAnswers(conversation: IConversation): IAnswer[] {
  return conversation.messages.filter(isRunning);
}

/** The question that an answer is to. */
export function questionOf(
  conversation: IConversation,
  answerId: string
): IQuestion | undefined {
  return before(conversation.messages, answerId)
    .reverse()
    .find(message => message.role === 'user');
}

function before(messages: readonly Message[], id: string): Message[] {
  const place = messages.findIndex(message => message.id === id);
  return place < 0 ? [...messages] : messages.slice(0, place);
}

function isRunning(message: Message): message is IAnswer {
  return message.role === 'assistant' && message.state === 'running';
}

/** The first line of a question without the signs of a heading, cut at a word. */
function titleOf({ text }: IQuestion): string {
  const line = (text.trim().split('\n', 1)[0] ?? '').replace(/^#+\s*/, '');
  if (line.length <= TITLE_LENGTH) {
    return line;
  }
  const cut = line.slice(0, TITLE_LENGTH);
  return `${cut.slice(0, cut.lastIndexOf(' ') + 1 || TITLE_LENGTH).trim()}…`;
}
