import type { TranslationBundle } from '@jupyterlab/translation';
import { ellipsesIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { IPanelActions } from './actions';
import { IconButton } from './button';

/** Opens the menu of a model, where there is one. */
export function MoreButton(props: {
  modelId: string;
  actions: Pick<IPanelActions, 'onMenu'>;
  trans: TranslationBundle;
}): React.JSX.Element | null {
  const { modelId, trans } = props;
  const { onMenu } = props.actions;
  return (
    onMenu && (
      <IconButton
        icon={ellipsesIcon}
        label={trans.__('More: %1', modelId)}
        focus={`more ${modelId}`}
        hasMenu
        onClick={button => {
          onMenu(modelId, button);
        }}
      />
    )
  );
}
