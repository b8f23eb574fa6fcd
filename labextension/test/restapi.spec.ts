import { ServerConnection } from '@jupyterlab/services';

import { Requests, RestError } from '../src/requests';
import { RestAPI } from '../src/restapi';

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
  return { api: new RestAPI(new Requests(settings)), sent };
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

  it('reads the memory of the devices', async () => {
    const { api, sent } = apiThatGets(json({ data: [{ id: 'cpu' }] }));
    expect((await api.readMemory()).data).toEqual([{ id: 'cpu' }]);
    expect(sent[0]?.url).toContain('/llm/vram');
  });

  it('loads with options, and switches', async () => {
    const { api, sent } = apiThatGets(json({}));
    await api.load('guide', { slots: 2, keep_alive: -1 });
    expect(sent[0]?.body).toBe('{"model":"guide","slots":2,"keep_alive":-1}');

    const switching = apiThatGets(json({}));
    await switching.api.switchTo('guide');
    expect(switching.sent[0]?.url).toContain('/llm/switch');
  });

  it('searches the Hub and asks what a repository has', async () => {
    const { api, sent } = apiThatGets(json({ models: [{ id: 'org/name' }] }));
    expect(await api.search('a & b', 5)).toEqual([{ id: 'org/name' }]);
    const asked = new URL(sent[0]?.url ?? '');
    expect(asked.pathname).toBe('/user/ada/llm/api/admin/hub');
    expect(asked.searchParams.get('search')).toBe('a & b');
    expect(asked.searchParams.get('limit')).toBe('5');

    const describing = apiThatGets(json({ files: [] }));
    await describing.api.offers('org/name');
    expect(describing.sent[0]?.url).toContain('/llm/api/admin/hub/org/name');
  });

  it('begins, lists and cancels downloads', async () => {
    const beginning = apiThatGets(json({ id: 'd1' }, 202));
    await beginning.api.download('org/name', 'a.gguf');
    expect(beginning.sent[0]).toMatchObject({
      method: 'POST',
      body: '{"repo_id":"org/name","filename":"a.gguf"}'
    });

    const listing = apiThatGets(json({ downloads: [{ id: 'd1' }] }));
    expect(await listing.api.listDownloads()).toEqual([{ id: 'd1' }]);

    const cancelling = apiThatGets(json({ id: 'd1' }));
    await cancelling.api.cancelDownload('d1');
    expect(cancelling.sent[0]?.method).toBe('DELETE');
    expect(cancelling.sent[0]?.url).toContain('/llm/api/admin/downloads/d1');

    const dismissing = apiThatGets(json({ id: 'd1' }));
    await dismissing.api.dismissDownload('d1');
    expect(dismissing.sent[0]?.method).toBe('DELETE');
    expect(dismissing.sent[0]?.url).toContain('/d1?dismiss=true');

    const deleting = apiThatGets(json({ id: 'a/b', freed_bytes: 7 }));
    expect(await deleting.api.deleteModel('a/b')).toBe(7);
    expect(deleting.sent[0]?.url).toContain('/llm/api/admin/models/a%2Fb');
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
    [{ llm: ['read', 'write'] }, [true, false, true]],
    [{ llm: ['execute'] }, [false, true, false]],
    [{}, [false, false, false]]
  ])('reads permissions %j as %j', async (permissions, expected) => {
    const { api } = apiThatGets(json({ identity: {}, permissions }));
    const { read, execute, write } = await api.permissions();
    expect([read, execute, write]).toEqual(expected);
  });

  it('asks for permissions by name', async () => {
    const { api, sent } = apiThatGets(json({ permissions: {} }));
    await api.permissions();
    expect(new URL(sent[0]?.url ?? '').searchParams.get('permissions')).toBe(
      '{"llm":["read","execute","write"]}'
    );
  });

  it.each([
    [
      json({ error: { message: 'needs 8 GB', code: 'no_room' } }, 507),
      'needs 8 GB',
      'no_room'
    ],
    [json({ message: 'Forbidden' }, 403), 'Forbidden', ''],
    [
      new Response('<html>', { status: 502, statusText: 'Bad Gateway' }),
      '502 Bad Gateway',
      ''
    ]
  ])('gives the reason of a refusal', async (answer, words, code) => {
    const { api } = apiThatGets(answer);
    const failure = await api.load('guide').catch((reason: unknown) => reason);
    expect(failure).toBeInstanceOf(RestError);
    expect((failure as RestError).message).toContain(words);
    expect(failure).toMatchObject({ status: answer.status, code });
  });
});
