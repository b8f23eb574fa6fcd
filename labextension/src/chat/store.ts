import type { ISignal } from '@lumino/signaling';

import type { Change, IConversation, ISummary } from './tokens';

/**
 * Keeps conversations.
 *
 * What is kept is the one truth, and `update` its one writer: a change is applied to
 * what is stored, at once and as a whole, whoever else writes. So pages that show the
 * same conversation agree.
 */
export interface IChatStore {
  /** Whether it outlives this page. */
  readonly isLasting: boolean;
  /** The id of a conversation that another page has changed. */
  readonly changedElsewhere: ISignal<IChatStore, string>;
  /** All conversations, the latest first. */
  list(): Promise<ISummary[]>;
  read(id: string): Promise<IConversation | null>;
  /** Resolves to what is stored now; a change to `null` deletes. */
  update(id: string, change: Change): Promise<IConversation | null>;
  close(): void;
}

/** What the list shows of a conversation. */
export function summaryOf(conversation: IConversation): ISummary {
  const { id, title, updatedAt } = conversation;
  return { id, title, updatedAt };
}

/** The latest first. */
export function inOrder(summaries: readonly ISummary[]): ISummary[] {
  return [...summaries].sort(
    (one, other) =>
      other.updatedAt - one.updatedAt || (one.id < other.id ? -1 : 1)
  );
}
