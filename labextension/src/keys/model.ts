import { type ISignal, Signal } from '@lumino/signaling';

import { RestError } from '../requests';
import type { IKey, INewKey } from '../types';
import type { IKeyRequest, IKeysAPI } from './api';

/** One picture of the keys; replaced, never changed. */
export interface IKeysState {
  /** `unasked` until the first answer; `unavailable` where this server has no keys. */
  readonly status: 'unasked' | 'ready' | 'unavailable';
  readonly keys: readonly IKey[];
  /** A key that was just made, as long as its secret is to be seen. */
  readonly created: INewKey | null;
  /** Why the last request was refused; empty if it was not. */
  readonly problem: string;
}

/** Knows the API keys of the server; makes and revokes them. No method rejects. */
export class KeysModel {
  constructor(private readonly api: IKeysAPI) {}

  get state(): IKeysState {
    return this.current;
  }

  get changed(): ISignal<KeysModel, IKeysState> {
    return this.signal;
  }

  async refresh(): Promise<void> {
    try {
      const keys = await this.api.list();
      this.publish({ keys, status: 'ready', problem: '' });
    } catch (reason) {
      // as under JupyterHub, whose own tokens serve
      const isRefused = reason instanceof RestError && reason.status === 400;
      this.publish({
        problem: messageOf(reason),
        ...(isRefused && { status: 'unavailable' as const })
      });
    }
  }

  /** Resolves to whether there is a new key. */
  async create(request: IKeyRequest): Promise<boolean> {
    try {
      const created = await this.api.create(request);
      this.publish({ created, problem: '' });
    } catch (reason) {
      this.publish({ problem: messageOf(reason) });
      return false;
    }
    await this.refresh();
    return true;
  }

  async revoke(name: string): Promise<void> {
    try {
      await this.api.revoke(name);
    } catch (reason) {
      this.publish({ problem: messageOf(reason) });
      return;
    }
    if (this.current.created?.name === name) {
      this.forgetSecret();
    }
    await this.refresh();
  }

  /** The secret of the new key is nowhere to be seen from now on. */
  forgetSecret(): void {
    this.publish({ created: null });
  }

  private publish(news: Partial<IKeysState>): void {
    this.current = { ...this.current, ...news };
    this.signal.emit(this.current);
  }

  private readonly signal = new Signal<KeysModel, IKeysState>(this);
  private current: IKeysState = {
    status: 'unasked',
    keys: [],
    created: null,
    problem: ''
  };
}

function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
