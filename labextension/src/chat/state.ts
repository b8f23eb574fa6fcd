import type { IContextItem, IConversation, ISummary } from './tokens';

/** One consistent picture of the chat; replaced, never changed. */
export interface IChatState {
  /** Whether what is stored has been read. */
  readonly isReady: boolean;
  /** Whether conversations outlive this page. */
  readonly isLasting: boolean;
  /** The latest first. */
  readonly summaries: readonly ISummary[];
  /** The conversation that is open. */
  readonly conversation: IConversation;
  /** What goes to the model with the next question. */
  readonly attached: readonly IContextItem[];
  /** Whether the connection of an answer is lost, and is tried again. */
  readonly isReconnecting: boolean;
}
