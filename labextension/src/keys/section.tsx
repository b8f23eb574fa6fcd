import type { TranslationBundle } from '@jupyterlab/translation';
import { UseSignal } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { KeysModel } from './model';
import { KeysView } from './view';

/** The keys, asked for when they are first seen. */
export function Keys(props: {
  model: KeysModel;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { model, trans } = props;
  React.useEffect(() => {
    void model.refresh();
  }, [model]);
  return (
    <UseSignal signal={model.changed} initialArgs={model.state}>
      {() => (
        <KeysView
          state={model.state}
          trans={trans}
          onCreate={request => model.create(request)}
          onRevoke={name => void model.revoke(name)}
          onTaken={() => {
            model.forgetSecret();
          }}
        />
      )}
    </UseSignal>
  );
}
