import { baseUrlOf } from '../src/admin/address';

it.each([
  ['http://h:8888/llm/admin/', 'http://h:8888/'],
  ['https://h/user/a%40b/llm/admin/?token=t#x', 'https://h/user/a%40b/']
])('finds the server of the page at %s', (page, server) => {
  expect(baseUrlOf(page)).toBe(server);
});
