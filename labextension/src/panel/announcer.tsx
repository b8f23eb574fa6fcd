import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { ISnapshot } from '../tokens';
import { newsBetween } from './news';

/** Tells a screen reader what has changed; nobody sees it. */
export function Announcer(props: {
  snapshot: ISnapshot;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { snapshot, trans } = props;
  const before = React.useRef(snapshot);
  const [text, setText] = React.useState('');
  React.useEffect(() => {
    const news = newsBetween(before.current, snapshot, trans);
    before.current = snapshot;
    if (news.length > 0) {
      setText(news.join('. '));
    }
  }, [snapshot, trans]);
  return (
    <div className="jp-LLM-announcer" role="status">
      {text}
    </div>
  );
}
