/** Where a service stands; it is running only once it answers its health check. */
export type ServiceState =
  | 'pending'
  | 'configuring'
  | 'running'
  | 'completed'
  | 'failed'
  | 'cancelled'
  | 'timeout'
  | 'node_fail';

/** One server of a service. */
export interface IReplica {
  id: string;
  index: number;
  host: string;
  port: number;
  state: ServiceState;
  is_healthy: boolean;
  base_path: string;
  gpus: string;
}

/**
 * What was started from a recipe and runs as a job of its own; times are in seconds since
 * 1970. What is said was true at `as_of`; it `is_stale` where the cluster does not answer.
 */
export interface IService {
  id: string;
  name: string;
  recipe: string;
  kind: 'inference' | 'vector-db';
  owner: string;
  launcher: string;
  state: ServiceState;
  reason: string;
  model: string;
  nodes: string[];
  num_nodes: number;
  num_gpus: number;
  num_replicas: number;
  replicas: IReplica[];
  created_at: number;
  started_at: number | null;
  ended_at: number | null;
  time_limit_s: number | null;
  ends_at: number | null;
  as_of: number;
  is_stale: boolean;
  successor_of: string;
  model_id: string;
}

/** `GET llm/api/v1/services`. */
export interface IServicesBody {
  services: IService[];
}

/** What each node of a service gives; `null` for none, or for the cluster's own choice. */
export interface IResources {
  nodes: number;
  gpu: number | null;
  time_limit: number | null;
}

/** What a service can be started from; `environment` has what a request may set. */
export interface IRecipe {
  name: string;
  kind: 'inference' | 'vector-db';
  description: string;
  resources: IResources;
  environment: Record<string, string | null>;
  replicas: number;
  max_nodes: number;
}

/** `GET llm/api/v1/recipes`. */
export interface IRecipesBody {
  recipes: IRecipe[];
}

/** A part of what a service has written; the next part begins at `next_offset`. */
export interface IServiceLogBody {
  logs: string;
  next_offset: number;
}
