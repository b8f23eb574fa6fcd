import { ServerConnection } from '@jupyterlab/services';

import { RestAPI, RestError } from '../src/restapi';

interface ISent {
  url: string;
  method: string;
  body: string;
}

/** The API against a server that gives one answer; remembers what it was asked. */
function apiThatGets(answer: Response): { api: RestAPI; sent: ISent[] } {
  const sent: ISent[] = [];
  const settings = ServerConnection.makeSettings({
    baseUrl: 'http://lab.test/user/ada/',
    fetch: async (input: RequestInfo | URL) => {
      const request = input as Request;
      sent.push({
        url: request.url,
        method: request.method,
        body: await request.text()
      });
      return answer;
    }
  });
  return { api: new RestAPI(settings), sent };
}

function json(body: unknown, status = 200): Response {
  return new Response(JSON.stringify(body), { status });
}

describe('RestAPI', () => {
  it('lists what the server can load, below its base URL', async () => {
    const { api, sent } = apiThatGets(json({ data: [{ id: 'guide' }] }));
    expect(await api.listModels()).toEqual({ data: [{ id: 'guide' }] });
    expect(sent[0]?.url).toMatch(/^http:\/\/lab\.test\/user\/ada\/llm\/models/);
  });

  it('lists the devices', async () => {
    const { api, sent } = apiThatGets(json({ data: [{ id: 'cpu' }] }));
    expect(await api.listDevices()).toEqual([{ id: 'cpu' }]);
    expect(sent[0]?.url).toContain('/llm/vram');
  });

  it('names the model in the body of load and unload', async () => {
    const loading = apiThatGets(json({}));
    await loading.api.load('guide');
    expect(loading.sent[0]).toMatchObject({
      method: 'POST',
      body: '{"model":"guide"}'
    });
    expect(loading.sent[0]?.url).toContain('/llm/load');

    const unloading = apiThatGets(json({}));
    await unloading.api.unload('guide');
    expect(unloading.sent[0]?.url).toContain('/llm/unload');
  });

  it.each([
    [{ llm: ['write'] }, true],
    [{ llm: [] }, false],
    [{}, false]
  ])('reads permissions %j as %s', async (permissions, expected) => {
    const { api } = apiThatGets(json({ identity: {}, permissions }));
    expect(await api.mayWrite()).toBe(expected);
  });

  it('asks for permissions by name', async () => {
    const { api, sent } = apiThatGets(json({ permissions: {} }));
    await api.mayWrite();
    expect(new URL(sent[0]?.url ?? '').searchParams.get('permissions')).toBe(
      '{"llm":["write"]}'
    );
  });

  it.each([
    [
      json({ error: { message: 'needs 8 GB, 3 GB are free' } }, 507),
      'needs 8 GB'
    ],
    [json({ message: 'Forbidden' }, 403), 'Forbidden'],
    [
      new Response('<html>', { status: 502, statusText: 'Bad Gateway' }),
      '502 Bad Gateway'
    ]
  ])('gives the reason of a refusal', async (answer, words) => {
    const { api } = apiThatGets(answer);
    const failure = await api.load('guide').catch((reason: unknown) => reason);
    expect(failure).toBeInstanceOf(RestError);
    expect((failure as RestError).message).toContain(words);
    expect((failure as RestError).status).toBe(answer.status);
  });
});
