import { nullTranslator } from '@jupyterlab/translation';

import type { IAdminAPI } from '../src/admin/api';
import { inWords as barsInWords } from '../src/admin/bars';
import { AdminModel, type IOverview } from '../src/admin/model';
import { inWords } from '../src/admin/usage';
import type { IServerStatus, IUsageSeries, IUsageSummary } from '../src/types';

const trans = nullTranslator.load('jupyter_llm');
const SUMMARY: IUsageSummary = {
  num_requests: 3,
  num_failed: 0,
  num_prompt_tokens: 10,
  num_completion_tokens: 20,
  mean_first_token_s: 0.0623,
  mean_duration_s: 1,
  num_models: 1,
  num_users: 1,
  num_running: 0,
  num_waiting: 0
};
const SERIES: IUsageSeries = { step_s: 3600, points: [] };

class FakeAPI implements IAdminAPI {
  asked: string[] = [];
  series_failure: Error | null = null;

  status = (): Promise<IServerStatus> =>
    Promise.resolve({ version: '1' } as IServerStatus);
  usedModels = (): Promise<[]> => Promise.resolve([]);
  servers = (): Promise<[]> => Promise.resolve([]);
  summary = (): Promise<IUsageSummary> => Promise.resolve(SUMMARY);

  series(hours: number, step: string): Promise<IUsageSeries> {
    this.asked.push(`${hours} by ${step}`);
    return this.series_failure
      ? Promise.reject(this.series_failure)
      : Promise.resolve(SERIES);
  }

  users(hours: number): Promise<[]> {
    this.asked.push(`users of ${hours}`);
    return Promise.resolve([]);
  }
}

async function nextOverview(model: AdminModel): Promise<IOverview | null> {
  await jest.advanceTimersByTimeAsync(100);
  return model.overview;
}

describe('the overview', () => {
  let model: AdminModel;

  beforeEach(() => {
    jest.useFakeTimers();
  });

  afterEach(() => {
    model.dispose();
    jest.useRealTimers();
  });

  it('looks back as far as is wanted', async () => {
    const api = new FakeAPI();
    model = new AdminModel(api, () => true);
    expect((await nextOverview(model))?.usage?.users).toEqual([]);
    model.lookBack({ hours: 168, step: 'day' });
    expect((await nextOverview(model))?.usage?.span.hours).toBe(168);
    expect(api.asked).toEqual([
      '24 by hour',
      'users of 24',
      '168 by day',
      'users of 168'
    ]);
  });

  it('does not ask what would be refused', async () => {
    const api = new FakeAPI();
    model = new AdminModel(api, () => false);
    expect((await nextOverview(model))?.usage?.users).toBeNull();
    expect(api.asked).toEqual(['24 by hour']);
  });

  it('is there where nothing can be counted', async () => {
    const api = new FakeAPI();
    api.series_failure = new Error('no registry');
    model = new AdminModel(api, () => true);
    expect(await nextOverview(model)).toMatchObject({
      usage: null,
      status: { version: '1' }
    });
  });
});

it('is said in a line', () => {
  expect(inWords(SUMMARY, trans)).toBe('3 requests · first word after 0.06 s');
  const busy = {
    ...SUMMARY,
    num_requests: 1,
    num_failed: 1,
    mean_first_token_s: null,
    num_waiting: 2
  };
  expect(inWords(busy, trans)).toBe('1 request · 1 failed · 2 waiting now');
});

it('names the bars that there are', () => {
  const bars = [
    { name: '10:00', value: 0 },
    { name: '11:00', value: 7 }
  ];
  expect(barsInWords(bars)).toBe('11:00: 7');
  expect(barsInWords([])).toBe('0');
});
