import type { Requests } from '../requests';
import type {
  IRecipe,
  IRecipesBody,
  IService,
  IServiceLogBody,
  IServicesBody
} from '../types';

/** A service to start: its recipe, and what is to be other than it says. */
export interface IServiceRequest {
  recipe_name: string;
  name?: string;
  config?: {
    resources?: { nodes?: number; gpu?: number; time_limit?: number };
    environment?: Record<string, string>;
    replicas?: number;
  };
}

/** What the model of the services asks of the server. */
export interface IServicesAPI {
  list(): Promise<IService[]>;
  recipes(): Promise<IRecipe[]>;
  start(request: IServiceRequest): Promise<IService>;
  /** Its record stays, and says that it was cancelled. */
  cancel(serviceId: string): Promise<void>;
  log(serviceId: string, offset: number): Promise<IServiceLogBody>;
}

const PATH = 'llm/api/v1';

/** The routes of services; every call rejects with a `RestError` or a network error. */
export class ServicesAPI implements IServicesAPI {
  constructor(private readonly requests: Requests) {}

  async list(): Promise<IService[]> {
    const path = `${PATH}/services`;
    return (await this.requests.get<IServicesBody>(path)).services;
  }

  async recipes(): Promise<IRecipe[]> {
    const path = `${PATH}/recipes`;
    return (await this.requests.get<IRecipesBody>(path)).recipes;
  }

  start(request: IServiceRequest): Promise<IService> {
    return this.requests.post(`${PATH}/services`, request);
  }

  async cancel(serviceId: string): Promise<void> {
    await this.requests.post(`${pathOf(serviceId)}/status`, {
      status: 'cancelled'
    });
  }

  log(serviceId: string, offset: number): Promise<IServiceLogBody> {
    return this.requests.get(`${pathOf(serviceId)}/logs?offset=${offset}`);
  }
}

function pathOf(serviceId: string): string {
  return `${PATH}/services/${encodeURIComponent(serviceId)}`;
}
