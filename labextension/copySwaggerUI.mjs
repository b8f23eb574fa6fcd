// Swagger UI as its makers publish it, to where the server serves it from.
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const source = join(here, 'node_modules', 'swagger-ui-dist');
const target = join(here, '..', 'jupyter_llm', 'swagger_ui');

rmSync(target, { recursive: true, force: true });
mkdirSync(target);
for (const name of [
  'LICENSE',
  'NOTICE',
  'favicon-32x32.png',
  'swagger-ui-bundle.js',
  'swagger-ui-bundle.js.LICENSE.txt',
  'swagger-ui.css'
]) {
  copyFileSync(join(source, name), join(target, name));
}
