import type { IContextItem, IConversation, IQuestion, Message } from './tokens';

/** A part of an answer, as `llm/v1/chat/completions` streams it; what is read of it. */
export interface IChunk {
  choices?: {
    delta?: { content?: string | null; reasoning_content?: string | null };
    finish_reason?: string | null;
  }[];
  usage?: { prompt_tokens: number; completion_tokens: number } | null;
  timings?: { tokens_per_s?: number | null };
  error?: IErrorBody;
}

/** What the server says when it cannot answer. */
export interface IErrorBody {
  message?: string;
  code?: string | null;
  param?: string | null;
}

export interface IWireMessage {
  role: 'system' | 'user' | 'assistant';
  content: string;
}

/** The body of `POST llm/v1/chat/completions`; fields that are left out are the server's choice. */
export interface IChatBody {
  model?: string;
  messages: IWireMessage[];
  stream: true;
  stream_options: { include_usage: true };
  resumable?: true;
  stream_id?: string;
  temperature?: number;
  top_p?: number;
  max_tokens?: number;
  seed?: number;
}

/** The request for the answer `streamId`, the last of a conversation's messages. */
export function chatBody(
  conversation: IConversation,
  streamId: string
): IChatBody {
  const { sampling, modelId } = conversation;
  return {
    ...(modelId && { model: modelId }),
    messages: wireMessages(conversation),
    stream: true,
    stream_options: { include_usage: true },
    resumable: true,
    stream_id: streamId,
    ...(sampling.temperature !== null && { temperature: sampling.temperature }),
    ...(sampling.topP !== null && { top_p: sampling.topP }),
    ...(sampling.maxTokens !== null && { max_tokens: sampling.maxTokens }),
    ...(sampling.seed !== null && { seed: sampling.seed })
  };
}

/** A question as the model reads it: what is attached to it, and then the words. */
export function spoken(question: IQuestion): string {
  return [...question.context.map(quoted), question.text].join('\n\n');
}

function wireMessages(conversation: IConversation): IWireMessage[] {
  const { systemPrompt } = conversation.sampling;
  const system: IWireMessage[] = systemPrompt
    ? [{ role: 'system', content: systemPrompt }]
    : [];
  const turns = answered(conversation.messages).map((message): IWireMessage =>
    message.role === 'user'
      ? { role: 'user', content: spoken(message) }
      : { role: 'assistant', content: message.text }
  );
  return [...system, ...turns];
}

/** Without the questions that were never answered: many templates want turns to alternate. */
function answered(messages: readonly Message[]): Message[] {
  const last = messages.length - 1;
  return messages.filter((message, place) => {
    if (message.role === 'assistant') {
      return place !== last && message.text !== '';
    }
    const next = messages[place + 1];
    return place + 1 >= last || (next?.role === 'assistant' && next.text);
  });
}

function quoted({ origin, language, text, isCut }: IContextItem): string {
  const fence = fenceFor(text);
  const note = isCut ? ' (cut off)' : '';
  return `${origin}${note}:\n${fence}${language}\n${text}\n${fence}`;
}

/** A fence that the text does not close. */
function fenceFor(text: string): string {
  const runs = text.match(/`{3,}/g) ?? [];
  const longest = Math.max(2, ...runs.map(run => run.length));
  return '`'.repeat(longest + 1);
}
