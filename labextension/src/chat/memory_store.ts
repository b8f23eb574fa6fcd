import { type ISignal, Signal } from '@lumino/signaling';

import { type IChatStore, inOrder, summaryOf } from './store';
import type { Change, IConversation, ISummary } from './tokens';

/** Keeps conversations as long as the page lives, where a browser allows no more. */
export class MemoryStore implements IChatStore {
  readonly isLasting = false;
  readonly changedElsewhere: ISignal<IChatStore, string> = new Signal<
    IChatStore,
    string
  >(this);

  list(): Promise<ISummary[]> {
    return Promise.resolve(inOrder([...this.kept.values()].map(summaryOf)));
  }

  read(id: string): Promise<IConversation | null> {
    return Promise.resolve(this.kept.get(id) ?? null);
  }

  update(id: string, change: Change): Promise<IConversation | null> {
    const after = change(this.kept.get(id) ?? null);
    if (after) {
      this.kept.set(id, after);
    } else {
      this.kept.delete(id);
    }
    return Promise.resolve(after);
  }

  close(): void {
    Signal.clearData(this);
  }

  private readonly kept = new Map<string, IConversation>();
}
