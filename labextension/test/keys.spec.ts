import type { IKeyRequest, IKeysAPI } from '../src/keys/api';
import { KeysModel } from '../src/keys/model';
import { EMPTY_FORM, isComplete, requestOf } from '../src/keys/request';
import { RestError } from '../src/requests';
import type { IKey, INewKey } from '../src/types';

function aKey(name: string): IKey {
  return {
    name,
    created: '2026-01-01T00:00:00+00:00',
    expires: null,
    scopes: ['read'],
    models: null,
    requests_per_minute: 0,
    tokens_per_day: 0,
    tokens_today: 0
  };
}

class FakeKeys implements IKeysAPI {
  keys: IKey[] = [aKey('laptop')];
  refusal: Error | null = null;

  list(): Promise<IKey[]> {
    return this.refusal
      ? Promise.reject(this.refusal)
      : Promise.resolve(this.keys);
  }

  create({ name }: IKeyRequest): Promise<INewKey> {
    if (this.refusal) {
      return Promise.reject(this.refusal);
    }
    this.keys = [...this.keys, aKey(name)];
    return Promise.resolve({ ...aKey(name), key: 'secret' });
  }

  revoke(name: string): Promise<void> {
    this.keys = this.keys.filter(key => key.name !== name);
    return Promise.resolve();
  }
}

let api: FakeKeys;
let model: KeysModel;

beforeEach(() => {
  api = new FakeKeys();
  model = new KeysModel(api);
});

function names(): string[] {
  return model.state.keys.map(({ name }) => name);
}

it('lists the keys', async () => {
  expect(model.state.status).toBe('unasked');
  await model.refresh();
  expect(model.state.status).toBe('ready');
  expect(names()).toEqual(['laptop']);
});

it('shows the secret of a new key until it was taken', async () => {
  expect(await model.create({ name: 'app', scopes: ['read'] })).toBe(true);
  expect(names()).toEqual(['laptop', 'app']);
  expect(model.state.created?.key).toBe('secret');
  model.forgetSecret();
  expect(model.state.created).toBeNull();
});

it('forgets the secret of a key that is revoked', async () => {
  await model.create({ name: 'app', scopes: ['read'] });
  await model.revoke('app');
  expect(names()).toEqual(['laptop']);
  expect(model.state.created).toBeNull();
});

it('keeps the list and says why a key was refused', async () => {
  await model.refresh();
  api.refusal = new RestError("There is a key named 'app' already.", 400);
  expect(await model.create({ name: 'app', scopes: ['read'] })).toBe(false);
  expect(model.state.problem).toContain('already');
  expect(model.state.status).toBe('ready');
  expect(names()).toEqual(['laptop']);
});

it('knows a server without keys from one that is away', async () => {
  api.refusal = new TypeError('network');
  await model.refresh();
  expect(model.state.status).toBe('unasked');
  api.refusal = new RestError('Under JupyterHub …', 400);
  await model.refresh();
  expect(model.state.status).toBe('unavailable');
});

describe('the form of a new key', () => {
  it('asks for a key without limits where none is given', () => {
    expect(requestOf({ ...EMPTY_FORM, name: ' app ' })).toEqual({
      name: 'app',
      scopes: ['read', 'execute']
    });
  });

  it('asks for the limits that are given', () => {
    const form = {
      ...EMPTY_FORM,
      name: 'app',
      scopes: ['write', 'read'] as const,
      models: 'guide, org/other  third',
      expiresDays: '7',
      requestsPerMinute: '0',
      tokensPerDay: '1000'
    };
    expect(requestOf(form)).toEqual({
      name: 'app',
      scopes: ['read', 'write'],
      models: ['guide', 'org/other', 'third'],
      expires_days: 7,
      tokens_per_day: 1000
    });
  });

  it('is complete with a name and something to do', () => {
    expect(isComplete(EMPTY_FORM)).toBe(false);
    expect(isComplete({ ...EMPTY_FORM, name: 'app' })).toBe(true);
    expect(isComplete({ ...EMPTY_FORM, name: 'app', scopes: [] })).toBe(false);
  });
});
