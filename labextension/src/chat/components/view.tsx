import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { CodeAction } from '../codebar';
import { runningAnswers } from '../conversation';
import type { MarkdownDrawer } from '../draw';
import type { IChatState } from '../state';
import type { IModelChoice } from '../models';
import type { INotebookInfo } from '../notebook';
import type { IAnswer, IQuestion, ISampling } from '../tokens';
import { Composer } from './composer';
import { ConversationList } from './conversations';
import { type Drawer, Header } from './header';
import { Log } from './log';
import { waitingFor } from './model_select';
import { SamplingForm } from './sampling';
import { ChatWelcome } from './welcome';

/** What a person can do in the chat. */
export interface IChatActions {
  onSend: (text: string) => void;
  onStop: () => void;
  onRegenerate: (answerId: string) => void;
  onEdit: (question: IQuestion, text: string) => void;
  onNew: () => void;
  onOpen: (id: string) => void;
  onRename: (id: string, title: string) => void;
  onRemove: (id: string) => void;
  onModel: (modelId: string) => void;
  onLoad: (modelId: string) => void;
  onShowModels: () => void;
  onSampling: (sampling: ISampling) => void;
  onAttachCells: () => void;
  onAttachVariable: (name: string) => Promise<string>;
  variableNames: () => readonly string[];
  onDetach: (itemId: string) => void;
  onCopy: (text: string) => void;
  onCode: (action: CodeAction, code: string) => void;
}

export interface IChatViewProps {
  state: IChatState;
  models: readonly IModelChoice[];
  /** Where an answer stands in its model's queue, 0 if it does not wait there. */
  placeOf: (answer: IAnswer | undefined) => number;
  /** The model that answers next; empty while none is known. */
  modelId: string;
  mayExecute: boolean;
  mayWrite: boolean;
  /** Why nothing can be asked at all; empty if it can. */
  obstacle: string;
  notebook: INotebookInfo;
  /** What screen readers are told. */
  announcement: string;
  inputRef: React.RefObject<HTMLTextAreaElement>;
  actions: IChatActions;
  drawer: MarkdownDrawer;
  trans: TranslationBundle;
}

/** The whole chat, from one picture of it. */
export function ChatView(props: IChatViewProps): React.JSX.Element {
  const { state, actions, trans } = props;
  const [drawer, setDrawer] = React.useState<Drawer>('none');
  const [draft, setDraft] = React.useState('');
  const { conversation } = state;
  const close = useFocusAfter(props.inputRef, () => {
    setDrawer('none');
  });
  return (
    <>
      <Header
        title={conversation.title}
        drawer={drawer}
        onDrawer={setDrawer}
        onNew={() => {
          actions.onNew();
          close();
        }}
        trans={trans}
      />
      {drawer === 'sampling' && (
        <SamplingForm
          sampling={conversation.sampling}
          onChange={actions.onSampling}
          trans={trans}
        />
      )}
      {drawer === 'list' ? (
        <ConversationList
          {...actions}
          summaries={state.summaries}
          isLasting={state.isLasting}
          currentId={conversation.id}
          onOpen={id => {
            actions.onOpen(id);
            close();
          }}
          trans={trans}
        />
      ) : (
        <Conversation {...props} draft={draft} onDraft={setDraft} />
      )}
      <div className="jp-LLM-unseen" role="status" aria-live="polite">
        {props.announcement}
      </div>
    </>
  );
}

/** Do something that draws the input anew, and put the focus into it then. */
function useFocusAfter(
  inputRef: React.RefObject<HTMLTextAreaElement>,
  act: () => void
): () => void {
  const [numActs, setNumActs] = React.useState(0);
  React.useEffect(() => {
    if (numActs > 0) {
      inputRef.current?.focus();
    }
  }, [numActs, inputRef]);
  return () => {
    act();
    setNumActs(numActs + 1);
  };
}

function Conversation(
  props: IChatViewProps & { draft: string; onDraft: (text: string) => void }
): React.JSX.Element {
  const { state, models, actions, obstacle, draft, onDraft, trans } = props;
  const { conversation } = state;
  const [running] = runningAnswers(conversation);
  const chosen = models.find(({ id }) => id === props.modelId);
  const send = (text: string): void => {
    onDraft('');
    actions.onSend(text);
  };
  return (
    <>
      {conversation.messages.length === 0 ? (
        <ChatWelcome
          {...props}
          onSuggestion={send}
          onAboutCells={text => {
            actions.onAttachCells();
            onDraft(text);
            props.inputRef.current?.focus();
          }}
        />
      ) : (
        <Log
          {...props}
          {...actions}
          conversation={conversation}
          waiting={
            state.isReconnecting
              ? trans.__('The connection is lost. Trying again…')
              : waitingFor(chosen, props.placeOf(running), trans)
          }
        />
      )}
      {obstacle ? (
        <p className="jp-LLM-obstacle" role="status">
          {obstacle}
        </p>
      ) : (
        <Composer
          {...props}
          {...actions}
          isRunning={running !== undefined}
          attached={state.attached}
          onSend={() => {
            send(draft);
          }}
        />
      )}
    </>
  );
}
