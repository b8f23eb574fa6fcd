import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { chatIcon } from '../icons';
import type { INotebookInfo } from '../notebook';

/** What stands in an empty conversation. */
export function ChatWelcome(props: {
  modelId: string;
  notebook: INotebookInfo;
  onSuggestion: (text: string) => void;
  onAboutCells: (text: string) => void;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { modelId, notebook, trans } = props;
  const aboutCells = [
    trans.__('Explain this cell'),
    trans.__('What is wrong here, and how do I mend it?')
  ];
  return (
    <div className="jp-LLM-chat-welcome">
      <chatIcon.react tag="span" width="36px" />
      <h3>{modelId ? trans.__('Ask %1', modelId) : trans.__('Ask a model')}</h3>
      <p className="jp-LLM-muted">
        {trans.__('Of your notebooks it sees only what you attach.')}
      </p>
      <ul>
        {questionsFor(modelId, trans).map(text => (
          <li key={text}>
            <button
              type="button"
              className="jp-LLM-suggestion"
              onClick={() => {
                props.onSuggestion(text);
              }}
            >
              {text}
            </button>
          </li>
        ))}
        {notebook.numSelected > 0 &&
          aboutCells.map(text => (
            <li key={text}>
              <button
                type="button"
                className="jp-LLM-suggestion"
                onClick={() => {
                  props.onAboutCells(text);
                }}
              >
                {text}
              </button>
            </li>
          ))}
      </ul>
    </div>
  );
}

/** Questions to begin with, once it is known who will answer. */
function questionsFor(modelId: string, trans: TranslationBundle): string[] {
  switch (modelId) {
    case '':
      return [];
    case 'guide': // it knows this project and nothing else
      return [trans.__('What can you do?'), trans.__('How do I load a model?')];
    default:
      return [trans.__('What can you help me with?')];
  }
}
