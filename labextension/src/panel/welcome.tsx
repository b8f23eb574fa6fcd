import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

const HUB_URL = 'https://huggingface.co/models?library=gguf&sort=trending';

/** Shown while there is no model but those of this package: how to get a real one. */
export function Welcome(props: {
  modelsDirs: readonly string[];
  trans: TranslationBundle;
}): React.JSX.Element {
  const { trans } = props;
  return (
    <section className="jp-LLM-welcome" aria-label={trans.__('First steps')}>
      <h3>{trans.__('Get a real model')}</h3>
      <p>
        {trans.__(
          'The built-in guide is tiny and knows only this project. For anything else:'
        )}
      </p>
      <ol>
        <li>
          {trans.__('Choose a GGUF file:')}{' '}
          <a href={HUB_URL} target="_blank" rel="noopener noreferrer">
            {trans.__('models on Hugging Face')}
          </a>
        </li>
        <li>
          {trans.__('Put it into the models folder of this server:')}{' '}
          {props.modelsDirs.map(folder => (
            <code key={folder}>{folder}</code>
          ))}
        </li>
        <li>{trans.__('Refresh this list and load it')}</li>
      </ol>
    </section>
  );
}
