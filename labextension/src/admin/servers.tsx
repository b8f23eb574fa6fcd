import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { formatBytes } from '../panel/format';
import type { IServer } from '../types';
import { Table } from './table';

/** Who has models in the memory of this machine. */
export function Servers(props: {
  servers: readonly IServer[];
  trans: TranslationBundle;
}): React.JSX.Element {
  const { trans } = props;
  const servers = props.servers.filter(({ held }) =>
    Object.values(held).some(bytes => bytes > 0)
  );
  if (servers.length === 0) {
    return (
      <p className="jp-LLM-note">
        {trans.__('No notebook server of this machine holds a model.')}
      </p>
    );
  }
  return (
    <Table
      label={trans.__('Notebook servers that hold models')}
      head={[trans.__('User'), trans.__('Process'), trans.__('Memory')]}
      rows={servers.map(({ user, pid, is_own, held }) => [
        is_own ? trans.__('%1 (this server)', user) : user,
        `${pid}`,
        Object.entries(held)
          .filter(([, bytes]) => bytes > 0)
          .map(([device, bytes]) => `${device}: ${formatBytes(bytes)}`)
          .join(', ')
      ])}
    />
  );
}
