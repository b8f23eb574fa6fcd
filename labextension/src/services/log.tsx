import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { LogTail } from './logtail';

const FOLLOW_MS = 3000;

/** The last lines that a service has written; while it `grows`, they follow. */
export function Log(props: {
  name: string;
  start: () => LogTail;
  grows: boolean;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { name, start, grows, trans } = props;
  const tail = React.useRef<LogTail | null>(null);
  const frame = React.useRef<HTMLPreElement>(null);
  const [text, setText] = React.useState('');
  React.useEffect(() => {
    const follow = async (): Promise<void> => {
      const current = (tail.current ??= start());
      try {
        await current.follow();
        setText(current.text || trans.__('It has written nothing yet.'));
      } catch (reason) {
        setText(reason instanceof Error ? reason.message : String(reason));
      }
    };
    void follow();
    const timer = grows
      ? setInterval(() => void follow(), FOLLOW_MS)
      : undefined;
    return () => {
      clearInterval(timer);
    };
  }, [grows]);
  React.useLayoutEffect(() => {
    frame.current?.scrollTo({ top: frame.current.scrollHeight });
  }, [text]);
  return (
    <pre
      ref={frame}
      className="jp-LLM-service-log"
      role="region"
      aria-label={trans.__('Log of %1', name)}
      tabIndex={0}
    >
      {text}
    </pre>
  );
}
