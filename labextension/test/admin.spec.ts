import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { baseUrlOf } from '../src/admin/address';

it.each([
  ['http://h:8888/llm/admin/', 'http://h:8888/'],
  ['https://h/user/a%40b/llm/admin/?token=t#x', 'https://h/user/a%40b/']
])('finds the server of the page at %s', (page, server) => {
  expect(baseUrlOf(page)).toBe(server);
});

it('has a value for each of the names that JupyterLab gives its colours', () => {
  const folder = join(__dirname, '..', 'style');
  const styles = readdirSync(folder)
    .filter(name => name.endsWith('.css') && name !== 'chat.css')
    .map(name => readFileSync(join(folder, name), 'utf-8'));
  const found = (pattern: RegExp, text: string): string[] =>
    [...text.matchAll(pattern)].map(([, name]) => name ?? '');
  const admin = readFileSync(join(folder, 'admin.css'), 'utf-8');
  const given = found(/^ {2}(--jp-[\w-]+):/gm, admin);
  const used = styles.flatMap(text => found(/var\((--jp-[\w-]+)/g, text));
  // a model's colour is given to the element itself
  const missing = used.filter(
    name => !given.includes(name) && name !== '--jp-LLM-colour'
  );
  expect([...new Set(missing)]).toEqual([]);
});
