import type { Requests } from '../requests';
import type {
  IServer,
  IServersBody,
  IServerStatus,
  IUsageSeries,
  IUsageSummary,
  IUsedModel,
  IUsedModelsBody,
  IUsersUsageBody,
  IUserUsage
} from '../types';

const METRICS = 'llm/api/admin/metrics';

/** What the admin page asks of the server beside what the panel does. */
export interface IAdminAPI {
  status(): Promise<IServerStatus>;
  usedModels(): Promise<IUsedModel[]>;
  servers(): Promise<IServer[]>;
  /** What was asked within so many hours, in all, step by step, and by user. */
  summary(hours: number): Promise<IUsageSummary>;
  series(hours: number, step: UsageStep): Promise<IUsageSeries>;
  users(hours: number): Promise<IUserUsage[]>;
}

export type UsageStep = 'hour' | 'day';

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

  summary(hours: number): Promise<IUsageSummary> {
    return this.requests.get(`${METRICS}/summary?hours=${hours}`);
  }

  series(hours: number, step: UsageStep): Promise<IUsageSeries> {
    const query = `hours=${hours}&step=${step}`;
    return this.requests.get(`${METRICS}/timeseries?${query}`);
  }

  async users(hours: number): Promise<IUserUsage[]> {
    const path = `${METRICS}/users?hours=${hours}`;
    return (await this.requests.get<IUsersUsageBody>(path)).users;
  }
}
