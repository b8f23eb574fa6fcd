/** What was asked of a model, as far back as the registry goes. */
export interface ITotalUse {
  num_requests: number;
  num_prompt_tokens: number;
  num_completion_tokens: number;
}

/** A model and its use. */
export interface IUsedModel {
  id: string;
  last_used_at: number | null;
  usage: ITotalUse;
}

/** Of `GET llm/api/admin/models`. */
export interface IUsedModelsBody {
  models: IUsedModel[];
}

/** What requests took together; the means are `null` where there is nothing to take them of. */
export interface IUsageFigures {
  num_requests: number;
  num_failed: number;
  num_prompt_tokens: number;
  num_completion_tokens: number;
  mean_first_token_s: number | null;
  mean_duration_s: number | null;
}

/** A step of time, from `at` on, in seconds since 1970. */
export interface IUsagePoint extends IUsageFigures {
  at: number;
}

/** `GET llm/api/admin/metrics/timeseries`. */
export interface IUsageSeries {
  step_s: number;
  points: IUsagePoint[];
}

/** `GET llm/api/admin/metrics/summary`. */
export interface IUsageSummary extends IUsageFigures {
  num_models: number;
  num_users: number;
  num_running: number;
  num_waiting: number;
}

/** What a user has asked; the name is empty for who has the server's token alone. */
export interface IUserUsage extends IUsageFigures {
  user: string;
}

/** `GET llm/api/admin/metrics/users`. */
export interface IUsersUsageBody {
  users: IUserUsage[];
}
