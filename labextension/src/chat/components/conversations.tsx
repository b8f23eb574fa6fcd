import type { TranslationBundle } from '@jupyterlab/translation';
import { Time } from '@jupyterlab/coreutils';
import { deleteIcon, editIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { ISummary } from '../tokens';
import { IconButton } from './icon_button';

export interface IConversationListProps {
  summaries: readonly ISummary[];
  currentId: string;
  isLasting: boolean;
  onOpen: (id: string) => void;
  onRename: (id: string, title: string) => void;
  onRemove: (id: string) => void;
  trans: TranslationBundle;
}

/** All conversations, to open, rename and delete. */
export function ConversationList(
  props: IConversationListProps
): React.JSX.Element {
  const { summaries, trans } = props;
  return (
    <nav className="jp-LLM-chat-list" aria-label={trans.__('Conversations')}>
      {!props.isLasting && (
        <p className="jp-LLM-note">
          {trans.__(
            'This browser keeps nothing for this page: conversations end with it.'
          )}
        </p>
      )}
      {summaries.length === 0 ? (
        <p className="jp-LLM-note">{trans.__('No conversations yet.')}</p>
      ) : (
        <ul>
          {summaries.map(summary => (
            <Entry key={summary.id} {...props} summary={summary} />
          ))}
        </ul>
      )}
    </nav>
  );
}

type Mode = 'shown' | 'renaming' | 'deleting';

function Entry(
  props: IConversationListProps & { summary: ISummary }
): React.JSX.Element {
  const { summary, trans } = props;
  const [mode, setMode] = React.useState<Mode>('shown');
  const back = (): void => {
    setMode('shown');
  };
  const isCurrent = summary.id === props.currentId;
  return (
    <li className="jp-LLM-chat-entry" data-current={isCurrent}>
      {mode === 'renaming' && (
        <TitleField
          title={summary.title}
          trans={trans}
          onDone={title => {
            props.onRename(summary.id, title);
            back();
          }}
          onCancel={back}
        />
      )}
      {mode === 'deleting' && (
        <Confirmation
          title={summary.title}
          trans={trans}
          onConfirm={() => {
            props.onRemove(summary.id);
          }}
          onCancel={back}
        />
      )}
      {mode === 'shown' && (
        <Shown {...props} isCurrent={isCurrent} onMode={setMode} />
      )}
    </li>
  );
}

function Shown(
  props: IConversationListProps & {
    summary: ISummary;
    isCurrent: boolean;
    onMode: (mode: Mode) => void;
  }
): React.JSX.Element {
  const { summary, trans } = props;
  const { id, title, updatedAt } = summary;
  return (
    <>
      <button
        type="button"
        className="jp-LLM-chat-entry-open"
        aria-current={props.isCurrent ? 'true' : undefined}
        onClick={() => {
          props.onOpen(id);
        }}
      >
        <span className="jp-LLM-chat-entry-title">{title}</span>
        <span className="jp-LLM-muted">
          {Time.formatHuman(new Date(updatedAt))}
        </span>
      </button>
      <IconButton
        icon={editIcon}
        label={trans.__('Rename: %1', title)}
        onClick={() => {
          props.onMode('renaming');
        }}
      />
      <IconButton
        icon={deleteIcon}
        label={trans.__('Delete: %1', title)}
        onClick={() => {
          props.onMode('deleting');
        }}
      />
    </>
  );
}

function TitleField(props: {
  title: string;
  onDone: (title: string) => void;
  onCancel: () => void;
  trans: TranslationBundle;
}): React.JSX.Element {
  const [title, setTitle] = React.useState(props.title);
  const keys: Record<string, () => void> = {
    Enter: () => {
      props.onDone(title);
    },
    Escape: props.onCancel
  };
  return (
    <input
      className="jp-LLM-chat-field"
      aria-label={props.trans.__('Title')}
      value={title}
      autoFocus
      onChange={event => {
        setTitle(event.target.value);
      }}
      onKeyDown={event => {
        keys[event.key]?.();
      }}
      onBlur={() => {
        props.onDone(title);
      }}
    />
  );
}

function Confirmation(props: {
  title: string;
  onConfirm: () => void;
  onCancel: () => void;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { title, trans } = props;
  return (
    <div className="jp-LLM-chat-confirm">
      <span>{trans.__('Delete "%1"?', title)}</span>
      <button
        type="button"
        className="jp-LLM-button jp-mod-danger"
        onClick={props.onConfirm}
      >
        {trans.__('Delete')}
      </button>
      <button
        type="button"
        className="jp-LLM-button"
        autoFocus
        onClick={props.onCancel}
      >
        {trans.__('Keep')}
      </button>
    </div>
  );
}
