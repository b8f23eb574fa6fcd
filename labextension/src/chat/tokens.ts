/** How far an answer is; a stopped one keeps what came. */
export type AnswerState = 'running' | 'done' | 'stopped' | 'failed';

/** Something of a notebook that goes to the model with a question, as the user saw it. */
export interface IContextItem {
  readonly id: string;
  /** What the chip says, such as `Cell 3` or `df`. */
  readonly title: string;
  /** Where it comes from, for people and for the model. */
  readonly origin: string;
  /** The language of `text` for a code fence; empty for plain text. */
  readonly language: string;
  readonly text: string;
  /** Whether `text` was longer. */
  readonly isCut: boolean;
}

/** What the user said. */
export interface IQuestion {
  readonly role: 'user';
  readonly id: string;
  readonly text: string;
  readonly context: readonly IContextItem[];
}

/** Why there is no answer, or no more of it. */
export interface IProblem {
  /** The server's own words; empty where there are none. */
  readonly message: string;
  /** A stable word: the server's `code`, or `unreachable` or `cut_off`. */
  readonly code: string;
  /** When to try again, in milliseconds since 1970; 0 if nobody said. */
  readonly retryAt: number;
}

/** What an answer cost; `null` where the server did not say. */
export interface IAnswerStats {
  readonly promptTokens: number | null;
  readonly completionTokens: number | null;
  readonly tokensPerS: number | null;
}

/** What the model said. */
export interface IAnswer {
  readonly role: 'assistant';
  readonly id: string;
  readonly modelId: string;
  readonly state: AnswerState;
  readonly text: string;
  readonly reasoning: string;
  /** The server's name of the stream; it can be followed from another page. */
  readonly streamId: string;
  /** The number of the last event that is part of this. */
  readonly lastEvent: number;
  /** The server's word for why it ended; empty while it has not. */
  readonly finishReason: string;
  readonly stats: IAnswerStats | null;
  readonly problem: IProblem | null;
}

export type Message = IQuestion | IAnswer;

/** How the model is to answer; `null` leaves it to the server. */
export interface ISampling {
  readonly systemPrompt: string;
  readonly temperature: number | null;
  readonly topP: number | null;
  readonly maxTokens: number | null;
  readonly seed: number | null;
}

/** What the list shows of a conversation. */
export interface ISummary {
  readonly id: string;
  readonly title: string;
  /** Milliseconds since 1970. */
  readonly updatedAt: number;
}

/** Questions and answers in turns; replaced, never changed. */
export interface IConversation extends ISummary {
  readonly modelId: string;
  readonly sampling: ISampling;
  readonly messages: readonly Message[];
}

/** What becomes of a conversation; `null` stands for one that does not exist. */
export type Change = (before: IConversation | null) => IConversation | null;

export const SERVER_DEFAULTS: ISampling = {
  systemPrompt: '',
  temperature: null,
  topP: null,
  maxTokens: null,
  seed: null
};

/** Where code of an answer goes in a notebook. */
export type CodePlace = 'above' | 'below' | 'replace';
