import type { IKeyRequest, Scope } from './api';

export const SCOPES: readonly Scope[] = ['read', 'execute', 'write'];

/** What stands in the form of a new key; numbers as they were typed. */
export interface IKeyForm {
  name: string;
  scopes: readonly Scope[];
  expiresDays: string;
  models: string;
  requestsPerMinute: string;
  tokensPerDay: string;
}

/** What a program that asks models needs, for ever and without limits. */
export const EMPTY_FORM: IKeyForm = {
  name: '',
  scopes: ['read', 'execute'],
  expiresDays: '',
  models: '',
  requestsPerMinute: '',
  tokensPerDay: ''
};

/** Whether a key can be made of it. */
export function isComplete(form: IKeyForm): boolean {
  return form.name.trim() !== '' && form.scopes.length > 0;
}

/** The key that a form asks for; an empty field sets no limit. */
export function requestOf(form: IKeyForm): IKeyRequest {
  const models = form.models.split(/[\s,]+/).filter(Boolean);
  const request: IKeyRequest = {
    name: form.name.trim(),
    scopes: SCOPES.filter(scope => form.scopes.includes(scope))
  };
  if (models.length > 0) {
    request.models = models;
  }
  const limits = [
    ['requests_per_minute', form.requestsPerMinute],
    ['tokens_per_day', form.tokensPerDay],
    ['expires_days', form.expiresDays]
  ] as const;
  for (const [field, typed] of limits) {
    if (Number(typed) > 0) {
      request[field] = Number(typed);
    }
  }
  return request;
}
