import type { TranslationBundle } from '@jupyterlab/translation';
import { copyIcon, editIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { IContextItem, IQuestion } from '../tokens';
import { IconButton } from './icon_button';

export interface IQuestionProps {
  question: IQuestion;
  /** Whether it may be asked in other words. */
  isEditable: boolean;
  onEdit: (question: IQuestion, text: string) => void;
  onCopy: (text: string) => void;
  trans: TranslationBundle;
}

/** What the user said. */
export const Question = React.memo(function Question(
  props: IQuestionProps
): React.JSX.Element {
  const { question, trans } = props;
  const [isEditing, setIsEditing] = React.useState(false);
  if (isEditing) {
    return (
      <Editor
        text={question.text}
        trans={trans}
        onCancel={() => {
          setIsEditing(false);
        }}
        onDone={text => {
          setIsEditing(false);
          props.onEdit(question, text);
        }}
      />
    );
  }
  return (
    <article className="jp-LLM-question" aria-label={trans.__('You')}>
      <Words text={question.text} trans={trans} />
      {question.context.map(item => (
        <SentItem key={item.id} item={item} />
      ))}
      <div className="jp-LLM-message-actions">
        <IconButton
          icon={copyIcon}
          label={trans.__('Copy question')}
          onClick={() => {
            props.onCopy(question.text);
          }}
        />
        {props.isEditable && (
          <IconButton
            icon={editIcon}
            label={trans.__('Edit and ask again')}
            onClick={() => {
              setIsEditing(true);
            }}
          />
        )}
      </div>
    </article>
  );
});

/** Characters and lines of a question that are shown at once. */
const SHORT = { characters: 1200, lines: 15 };

/** The words of a question; of many the beginning, until somebody wants them all. */
function Words(props: {
  text: string;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { text, trans } = props;
  const [isFolded, setIsFolded] = React.useState(
    text.length > SHORT.characters || text.split('\n').length > SHORT.lines
  );
  return (
    <>
      <div className="jp-LLM-question-text" data-folded={isFolded}>
        {text}
      </div>
      {isFolded && (
        <button
          type="button"
          className="jp-LLM-show-all"
          onClick={() => {
            setIsFolded(false);
          }}
        >
          {trans.__('Show all')}
        </button>
      )}
    </>
  );
}

/** What went along with a question, word by word. */
function SentItem({ item }: { item: IContextItem }): React.JSX.Element {
  return (
    <details className="jp-LLM-sent">
      <summary>{item.origin}</summary>
      <pre tabIndex={0}>{item.text}</pre>
    </details>
  );
}

function Editor(props: {
  text: string;
  onDone: (text: string) => void;
  onCancel: () => void;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { onDone, onCancel, trans } = props;
  const [text, setText] = React.useState(props.text);
  const done = (): void => {
    if (text.trim()) {
      onDone(text);
    }
  };
  return (
    <div className="jp-LLM-question jp-mod-editing">
      <textarea
        className="jp-LLM-chat-field"
        aria-label={trans.__('Your question')}
        value={text}
        rows={Math.min(12, text.split('\n').length + 1)}
        autoFocus
        onChange={event => {
          setText(event.target.value);
        }}
        onKeyDown={event => {
          if (event.key === 'Escape') {
            event.stopPropagation();
            onCancel();
          } else if (isSend(event)) {
            event.preventDefault();
            done();
          }
        }}
      />
      <div className="jp-LLM-actions">
        <button
          type="button"
          className="jp-LLM-button jp-mod-accept"
          disabled={!text.trim()}
          onClick={done}
        >
          {trans.__('Ask again')}
        </button>
        <button type="button" className="jp-LLM-button" onClick={onCancel}>
          {trans.__('Cancel')}
        </button>
      </div>
    </div>
  );
}

/** Whether a key sends: Enter alone, and not one that completes a word of an input method. */
export function isSend(event: React.KeyboardEvent): boolean {
  const { key, shiftKey, nativeEvent } = event;
  return key === 'Enter' && !shiftKey && !nativeEvent.isComposing;
}
