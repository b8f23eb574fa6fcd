import js from '@eslint/js';
import jupyter from '@jupyter/eslint-plugin';
import prettier from 'eslint-config-prettier';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** A file imports only what stands to its right: index, plugins, manager, restapi, types. */
const mayNotImport = (files, modules, ignores = []) => ({
  files,
  ignores,
  rules: {
    'no-restricted-imports': ['error', { patterns: [{ regex: modules }] }]
  }
});

export default defineConfig([
  { ignores: ['lib', 'node_modules', 'schema', 'style', '*.js', '*.mjs'] },
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  { plugins: { jupyter } },
  jupyter.configs.recommended,
  {
    languageOptions: { parserOptions: { project: 'tsconfig.test.json' } },
    rules: {
      '@typescript-eslint/naming-convention': [
        'error',
        {
          selector: 'interface',
          format: ['PascalCase'],
          custom: { regex: '^I[A-Z]', match: true }
        }
      ],
      '@typescript-eslint/no-namespace': 'off', // JupyterLab's way to group command ids
      'jupyter/prefer-lazy-imports': 'off', // panel and manager are needed at once, and small
      '@typescript-eslint/no-redeclare': 'off', // a token shares the name of its interface
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true }
      ],
      curly: ['error', 'all'],
      eqeqeq: 'error',
      'no-console': 'error'
    }
  },
  {
    files: ['test/**'],
    rules: { 'jupyter/no-untranslated-string': 'off' } // nobody reads them
  },
  mayNotImport(
    ['src/panel/**'],
    '^\\.\\./(index|manager(/.*)?|restapi|requests|events|.*commands)$|@jupyterlab/services',
    ['**/plugin.ts']
  ),
  mayNotImport(
    ['src/chat/components/**'],
    '^\\.\\.?/.*(index|manager(/.*)?|restapi|requests|events|commands|plugin|panel|store)$|@jupyterlab/services'
  ),
  mayNotImport(
    ['src/manager/**', 'src/*commands.ts', '**/plugin.ts'],
    '/(index|panel/(?!icon$).*)$' // the icon is everybody's
  ),
  mayNotImport(
    ['src/{restapi,requests,events,sse,tokens}.ts'],
    '/(index|panel/.*|manager/.*|.*commands)$'
  ),
  mayNotImport(['src/types/**'], '^(?!\\./)'),
  prettier
]);
