/* JupyterLab's packages are ES modules in .js files, which Node takes for CommonJS. */
const esModules =
  '@jupyterlab|@jupyter|@microsoft|exenv-es6|lib0|y-protocols|yjs';

module.exports = {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.spec.ts'],
  transform: {
    '\\.(ts|tsx|js)$': [
      'ts-jest',
      {
        tsconfig: {
          allowJs: true,
          esModuleInterop: true,
          isolatedModules: true,
          jsx: 'react',
          module: 'commonjs',
          target: 'es2022'
        },
        diagnostics: false
      }
    ]
  },
  transformIgnorePatterns: [`/node_modules/(?!(${esModules})/)`]
};
