import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { IUsedModel } from '../types';
import { Table } from './table';

/** What was asked of each model since it is counted; those that were never asked are left out. */
export function Use(props: {
  models: readonly IUsedModel[];
  trans: TranslationBundle;
}): React.JSX.Element {
  const { trans } = props;
  const used = props.models
    .filter(({ usage }) => usage.num_requests > 0)
    .sort((one, other) => (other.last_used_at ?? 0) - (one.last_used_at ?? 0));
  if (used.length === 0) {
    return (
      <p className="jp-LLM-note">
        {trans.__('No model has answered a request yet.')}
      </p>
    );
  }
  return (
    <Table
      label={trans.__('Use by model')}
      head={[
        trans.__('Model'),
        trans.__('Requests'),
        trans.__('Tokens in'),
        trans.__('Tokens out'),
        trans.__('Last used')
      ]}
      rows={used.map(({ id, usage, last_used_at }) => [
        id,
        usage.num_requests.toLocaleString(),
        usage.num_prompt_tokens.toLocaleString(),
        usage.num_completion_tokens.toLocaleString(),
        last_used_at === null
          ? ''
          : new Date(last_used_at * 1000).toLocaleString()
      ])}
    />
  );
}
