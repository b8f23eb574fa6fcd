import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { Fit } from '../types';
import { fitCaption, fitLabel } from './facts';

/** Whether a model runs on this machine, in a word. */
export function FitBadge(props: {
  fit: Fit;
  trans: TranslationBundle;
}): React.JSX.Element | null {
  const { fit, trans } = props;
  if (fit === 'unknown') {
    return null;
  }
  return (
    <span className="jp-LLM-fit" data-fit={fit} title={fitCaption(fit, trans)}>
      {fitLabel(fit, trans)}
    </span>
  );
}
