import type { IChatStore } from './store';
import type { Change, IConversation, ISummary } from './tokens';

/** Who wants to know what becomes of stored conversations. */
export interface IArchiveListener {
  onSummaries(summaries: readonly ISummary[]): void;
  /** Another page has changed a conversation. */
  onChangedElsewhere(id: string): void;
  /** What is said is not kept any longer than this page is. */
  onForgetful(): void;
}

/** The stored conversations; until the store is open there are none. */
export class Archive {
  constructor(
    private readonly openStore: () => Promise<IChatStore>,
    private readonly listener: IArchiveListener
  ) {}

  /** Open the store and list what is in it; `null` if nobody wants it any more. */
  async open(): Promise<ISummary[] | null> {
    const store = await this.openStore();
    if (this.isClosed) {
      store.close();
      return null;
    }
    this.store = store;
    if (!store.isLasting) {
      this.listener.onForgetful();
    }
    store.changedElsewhere.connect((_, id) => {
      this.listener.onChangedElsewhere(id);
    });
    return store.list();
  }

  close(): void {
    this.isClosed = true;
    this.store?.close();
  }

  async read(id: string): Promise<IConversation | null> {
    return (await this.store?.read(id)) ?? null;
  }

  /** Store a change; where the browser will not, say that it is not kept. */
  async keep(id: string, change: Change): Promise<void> {
    if (!this.isClosed) {
      try {
        await this.store?.update(id, change);
      } catch {
        this.listener.onForgetful();
      }
    }
  }

  /** List anew what is stored. */
  async relist(): Promise<void> {
    const summaries = await this.store?.list();
    if (summaries) {
      this.listener.onSummaries(summaries);
    }
  }

  private store: IChatStore | undefined;
  private isClosed = false;
}
