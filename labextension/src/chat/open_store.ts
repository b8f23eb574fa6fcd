import { BrowserStore } from './browser_store';
import { MemoryStore } from './memory_store';
import type { IChatStore } from './store';

/** Where conversations with this server are kept: the browser's database, where it has one. */
export async function openStore(baseUrl: string): Promise<IChatStore> {
  try {
    return await BrowserStore.open(`jupyter-llm-chat:${baseUrl}`);
  } catch {
    return new MemoryStore();
  }
}
