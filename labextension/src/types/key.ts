/** An API key without its secret: a limit of 0 is none, `models` of `null` are all of them. */
export interface IKey {
  name: string;
  created: string;
  expires: string | null;
  scopes: string[];
  models: string[] | null;
  requests_per_minute: number;
  tokens_per_day: number;
  tokens_today: number;
}

/** `GET llm/api/admin/keys`. */
export interface IKeysBody {
  keys: IKey[];
}

/** The answer to a new key; its secret is told this once. */
export interface INewKey extends IKey {
  key: string;
}
