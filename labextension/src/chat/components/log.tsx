import * as React from 'react';

import type { IConversation } from '../tokens';
import { Answer, type IAnswerProps } from './answer';
import { type IQuestionProps, Question } from './question';

/** This near the end, in pixels, a reader wants to see what comes. */
const NEAR_END = 48;

export interface ILogProps
  extends
    Omit<IAnswerProps, 'answer' | 'isLast'>,
    Omit<IQuestionProps, 'question' | 'isEditable'> {
  conversation: IConversation;
}

/** All that was said; it stays at its end while the reader is there. */
export function Log(props: ILogProps): React.JSX.Element {
  const { conversation, mayExecute, trans } = props;
  const { frame, content, isAtEnd, toEnd } = useEnd(conversation.id);
  const last = conversation.messages.at(-1);
  return (
    <div className="jp-LLM-log-frame">
      <div
        ref={frame}
        className="jp-LLM-log"
        role="region"
        aria-label={trans.__('Conversation')}
        tabIndex={0}
      >
        <div ref={content}>
          {conversation.messages.map(message =>
            message.role === 'user' ? (
              <Question
                key={message.id}
                question={message}
                isEditable={mayExecute}
                onEdit={props.onEdit}
                onCopy={props.onCopy}
                trans={trans}
              />
            ) : (
              <Answer
                {...answerPropsOf(props)}
                key={message.id}
                answer={message}
                isLast={message === last}
                waiting={message.state === 'running' ? props.waiting : ''}
              />
            )
          )}
        </div>
      </div>
      {!isAtEnd && (
        <button type="button" className="jp-LLM-to-end" onClick={toEnd}>
          {trans.__('To the end')}
        </button>
      )}
    </div>
  );
}

/** No more than an answer shows: it is drawn again where one of these has changed. */
function answerPropsOf(
  props: ILogProps
): Omit<IAnswerProps, 'answer' | 'isLast' | 'waiting'> {
  return {
    mayExecute: props.mayExecute,
    mayWrite: props.mayWrite,
    drawer: props.drawer,
    onCopy: props.onCopy,
    onCode: props.onCode,
    onRegenerate: props.onRegenerate,
    onLoad: props.onLoad,
    onShowModels: props.onShowModels,
    onNew: props.onNew,
    trans: props.trans
  };
}

/** Keeps a scrolled element at its end, unless its reader has scrolled away from it. */
function useEnd(conversationId: string): {
  frame: React.RefObject<HTMLDivElement>;
  content: React.RefObject<HTMLDivElement>;
  isAtEnd: boolean;
  toEnd: () => void;
} {
  const frame = React.useRef<HTMLDivElement>(null);
  const content = React.useRef<HTMLDivElement>(null);
  const [isAtEnd, setIsAtEnd] = React.useState(true);
  const follows = React.useRef(true);
  const toEnd = React.useCallback(() => {
    follows.current = true;
    frame.current?.scrollTo({ top: frame.current.scrollHeight });
  }, []);
  React.useLayoutEffect(() => {
    toEnd();
    return followGrowth(frame.current, content.current, follows, setIsAtEnd);
  }, [conversationId, toEnd]);
  return { frame, content, isAtEnd, toEnd };
}

function followGrowth(
  frame: HTMLElement | null,
  content: HTMLElement | null,
  follows: React.MutableRefObject<boolean>,
  setIsAtEnd: (isAtEnd: boolean) => void
): () => void {
  if (!frame || !content) {
    return () => undefined;
  }
  let lastTop = frame.scrollTop;
  const onScroll = (): void => {
    const left = frame.scrollHeight - frame.scrollTop - frame.clientHeight;
    // only a reader scrolls up; what grows below them moves the end, not them
    if (left <= NEAR_END) {
      follows.current = true;
    } else if (frame.scrollTop < lastTop - 1) {
      follows.current = false;
    }
    lastTop = frame.scrollTop;
    setIsAtEnd(left <= NEAR_END || follows.current);
  };
  const observer = new ResizeObserver(() => {
    if (follows.current) {
      frame.scrollTop = frame.scrollHeight;
    }
  });
  observer.observe(content);
  observer.observe(frame);
  frame.addEventListener('scroll', onScroll, { passive: true });
  return () => {
    observer.disconnect();
    frame.removeEventListener('scroll', onScroll);
  };
}
