import type { TranslationBundle } from '@jupyterlab/translation';
import { closeIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { INotebookInfo } from '../notebook';
import type { IContextItem } from '../tokens';
import { IconButton } from './icon_button';

/** What will go with the next question; each can be looked at and removed. */
export function Attachments(props: {
  items: readonly IContextItem[];
  onDetach: (itemId: string) => void;
  trans: TranslationBundle;
}): React.JSX.Element | null {
  const { items, trans } = props;
  if (items.length === 0) {
    return null;
  }
  return (
    <ul
      className="jp-LLM-chips"
      aria-label={trans.__('Goes with the question')}
    >
      {items.map(item => (
        <li key={item.id} className="jp-LLM-chip">
          <details>
            <summary title={trans.__('Show what goes with the question')}>
              {item.title}
            </summary>
            <div className="jp-LLM-chip-text">
              <span className="jp-LLM-muted">
                {item.isCut
                  ? trans.__('%1, cut off', item.origin)
                  : item.origin}
              </span>
              <pre tabIndex={0}>{item.text}</pre>
            </div>
          </details>
          <IconButton
            icon={closeIcon}
            label={trans.__('Remove: %1', item.title)}
            onClick={() => {
              props.onDetach(item.id);
            }}
          />
        </li>
      ))}
    </ul>
  );
}

export interface IAttachMenuProps {
  notebook: INotebookInfo;
  variableNames: () => readonly string[];
  onAttachCells: () => void;
  /** Resolves to why it could not be attached; empty if it is. */
  onAttachVariable: (name: string) => Promise<string>;
  onClose: () => void;
  trans: TranslationBundle;
}

/** What of the notebook can go with the question. */
export function AttachMenu(props: IAttachMenuProps): React.JSX.Element {
  const { notebook, trans } = props;
  return (
    <div
      className="jp-LLM-attach"
      role="group"
      aria-label={trans.__('From the notebook')}
      onKeyDown={event => {
        if (event.key === 'Escape') {
          event.stopPropagation();
          props.onClose();
        }
      }}
    >
      {notebook.name ? (
        <>
          <p className="jp-LLM-muted">{trans.__('From %1', notebook.name)}</p>
          <button
            type="button"
            className="jp-LLM-button"
            autoFocus
            onClick={props.onAttachCells}
          >
            {notebook.numSelected > 1
              ? trans.__('%1 selected cells', notebook.numSelected)
              : trans.__('The active cell and its output')}
          </button>
          <VariableField {...props} />
        </>
      ) : (
        <p className="jp-LLM-muted">
          {trans.__('Open a notebook to ask about its cells and variables.')}
        </p>
      )}
    </div>
  );
}

function VariableField(props: IAttachMenuProps): React.JSX.Element {
  const { notebook, trans } = props;
  const [name, setName] = React.useState('');
  const [problem, setProblem] = React.useState('');
  const names = React.useMemo(props.variableNames, []);
  const listId = React.useId();
  const attach = async (): Promise<void> => {
    const why = await props.onAttachVariable(name.trim());
    setProblem(why);
    if (!why) {
      setName('');
    }
  };
  return (
    <form
      className="jp-LLM-attach-variable"
      onSubmit={event => {
        event.preventDefault();
        void attach();
      }}
    >
      <input
        className="jp-LLM-chat-field"
        aria-label={trans.__('Variable of the notebook')}
        placeholder={
          notebook.hasKernel
            ? trans.__('A variable…')
            : trans.__('Variables need a running kernel')
        }
        list={listId}
        value={name}
        disabled={!notebook.hasKernel}
        onChange={event => {
          setName(event.target.value);
        }}
      />
      <datalist id={listId}>
        {names.map(one => (
          <option key={one} value={one} />
        ))}
      </datalist>
      <button type="submit" className="jp-LLM-button" disabled={!name.trim()}>
        {trans.__('Add')}
      </button>
      {problem && (
        <p className="jp-LLM-failure" role="alert">
          {problem}
        </p>
      )}
    </form>
  );
}
