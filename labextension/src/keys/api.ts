import type { Requests } from '../requests';
import type { IKey, IKeysBody, INewKey } from '../types';

/** What a key may be for: to look at models, to ask them, to load and delete them. */
export type Scope = 'read' | 'execute' | 'write';

/** A key to make; what is left out sets no limit. */
export interface IKeyRequest {
  name: string;
  scopes: Scope[];
  models?: string[];
  requests_per_minute?: number;
  tokens_per_day?: number;
  expires_days?: number;
}

/** What the model of the keys asks of the server. */
export interface IKeysAPI {
  list(): Promise<IKey[]>;
  create(request: IKeyRequest): Promise<INewKey>;
  revoke(name: string): Promise<void>;
}

/** The routes of keys; every call rejects with a `RestError` or a network error. */
export class KeysAPI implements IKeysAPI {
  constructor(private readonly requests: Requests) {}

  async list(): Promise<IKey[]> {
    return (await this.requests.get<IKeysBody>(PATH)).keys;
  }

  create(request: IKeyRequest): Promise<INewKey> {
    return this.requests.post(PATH, request);
  }

  async revoke(name: string): Promise<void> {
    await this.requests.delete(`${PATH}/${encodeURIComponent(name)}`);
  }
}

const PATH = 'llm/api/admin/keys';
