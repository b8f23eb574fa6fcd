import { type ISignal, Signal } from '@lumino/signaling';

import { type IChatStore, inOrder, summaryOf } from './store';
import type { Change, IConversation, ISummary } from './tokens';

const CONVERSATIONS = 'conversations';
const SUMMARIES = 'summaries';
const VERSION = 1;

/**
 * Keeps conversations in the browser's database, for all pages of one server.
 *
 * A transaction reads, changes and writes, and the database runs one at a time: pages
 * cannot overwrite each other. A channel between pages says what has changed.
 */
export class BrowserStore implements IChatStore {
  /** Rejects where the browser has no database for this page. */
  static async open(name: string): Promise<BrowserStore> {
    const opening = indexedDB.open(name, VERSION);
    opening.onupgradeneeded = () => {
      opening.result.createObjectStore(CONVERSATIONS, { keyPath: 'id' });
      opening.result.createObjectStore(SUMMARIES, { keyPath: 'id' });
    };
    return new BrowserStore(
      await resultOf(opening),
      new BroadcastChannel(name)
    );
  }

  readonly isLasting = true;
  get changedElsewhere(): ISignal<IChatStore, string> {
    return this.signal;
  }

  async list(): Promise<ISummary[]> {
    const summaries = this.database
      .transaction(SUMMARIES)
      .objectStore(SUMMARIES);
    const request = summaries.getAll() as IDBRequest<ISummary[]>;
    return inOrder(await resultOf(request));
  }

  async read(id: string): Promise<IConversation | null> {
    const kept = this.database
      .transaction(CONVERSATIONS)
      .objectStore(CONVERSATIONS);
    const request = kept.get(id) as IDBRequest<IConversation | undefined>;
    return (await resultOf(request)) ?? null;
  }

  async update(id: string, change: Change): Promise<IConversation | null> {
    const transaction = this.database.transaction(
      [CONVERSATIONS, SUMMARIES],
      'readwrite'
    );
    const kept = transaction.objectStore(CONVERSATIONS);
    const request = kept.get(id) as IDBRequest<IConversation | undefined>;
    const before = (await resultOf(request)) ?? null;
    const after = change(before);
    if (after !== before) {
      write(transaction, id, after);
      await endOf(transaction);
      this.channel.postMessage(id);
    }
    return after;
  }

  close(): void {
    this.channel.close();
    this.database.close();
    Signal.clearData(this);
  }

  private constructor(
    private readonly database: IDBDatabase,
    private readonly channel: BroadcastChannel
  ) {
    channel.onmessage = ({ data }: MessageEvent<string>) => {
      this.signal.emit(data);
    };
    // a newer version of this extension in another page may change the database
    database.onversionchange = () => {
      this.close();
    };
  }

  private readonly signal = new Signal<IChatStore, string>(this);
}

function write(
  transaction: IDBTransaction,
  id: string,
  conversation: IConversation | null
): void {
  const kept = transaction.objectStore(CONVERSATIONS);
  const summaries = transaction.objectStore(SUMMARIES);
  if (conversation) {
    kept.put(conversation);
    summaries.put(summaryOf(conversation));
  } else {
    kept.delete(id);
    summaries.delete(id);
  }
}

function resultOf<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => {
      resolve(request.result);
    };
    request.onerror = () => {
      reject(request.error ?? new Error('The database did not answer.'));
    };
  });
}

function endOf(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => {
      resolve();
    };
    transaction.onabort = transaction.onerror = () => {
      reject(transaction.error ?? new Error('The database refused a change.'));
    };
  });
}
