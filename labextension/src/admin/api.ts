import type { Requests } from '../requests';
import type {
  IServer,
  IServersBody,
  IServerStatus,
  IUsedModel,
  IUsedModelsBody
} from '../types';

/** What the admin page asks of the server beside what the panel does. */
export interface IAdminAPI {
  status(): Promise<IServerStatus>;
  usedModels(): Promise<IUsedModel[]>;
  servers(): Promise<IServer[]>;
}

/** The routes of administration; every call rejects with a `RestError` or a network error. */
export class AdminAPI implements IAdminAPI {
  constructor(private readonly requests: Requests) {}

  status(): Promise<IServerStatus> {
    return this.requests.get('llm/api/admin/status');
  }

  async usedModels(): Promise<IUsedModel[]> {
    const path = 'llm/api/admin/models';
    return (await this.requests.get<IUsedModelsBody>(path)).models;
  }

  async servers(): Promise<IServer[]> {
    return (await this.requests.get<IServersBody>('llm/vram')).servers;
  }
}
