// The admin page: the panel's components in one bundle, without JupyterLab around them.
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { rspack } from '@rspack/core';

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, '..', 'jupyter_llm', 'admin_page');

rmSync(target, { recursive: true, force: true });
mkdirSync(target);
copyFileSync(join(here, 'style', 'icon.svg'), join(target, 'icon.svg'));

const compiler = rspack({
  context: here,
  mode: 'production',
  entry: {
    admin: [
      '@lumino/widgets/style/widget.css',
      '@lumino/widgets/style/menu.css',
      './style/index.css',
      './style/admin.css',
      './lib/admin/index.js'
    ]
  },
  output: { path: target, filename: '[name].js', cssFilename: '[name].css' },
  resolve: {
    // the whole packages bring kernels, terminals and docks that this page has no use for
    alias: {
      '@jupyterlab/services$': '@jupyterlab/services/lib/serverconnection',
      '@jupyterlab/translation$': '@jupyterlab/translation/lib/base'
    }
  },
  module: {
    rules: [
      { test: /\.css$/, type: 'css' },
      { test: /\.svg$/, type: 'asset/source' },
      { test: /\.js$/, resolve: { fullySpecified: false } },
      // not all of these say of themselves that what is not used can be left out
      {
        test: /node_modules\/@(jupyter|jupyterlab|lumino|rjsf)\/.*\.js$/,
        sideEffects: false
      }
    ]
  },
  optimization: {
    minimizer: [
      new rspack.SwcJsMinimizerRspackPlugin({ extractComments: true }),
      new rspack.LightningCssMinimizerRspackPlugin()
    ]
  },
  performance: {
    maxAssetSize: 600_000,
    maxEntrypointSize: 600_000,
    hints: 'error'
  }
});

compiler.run((error, stats) => {
  if (error) {
    throw error;
  }
  console.log(stats.toString({ preset: 'errors-warnings', assets: true }));
  process.exitCode = stats.hasErrors() ? 1 : 0;
});
