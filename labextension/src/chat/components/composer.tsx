import { stopIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { attachIcon, sendIcon } from '../icons';
import type { IModelChoice } from '../models';
import type { IContextItem } from '../tokens';
import { Attachments, AttachMenu, type IAttachMenuProps } from './attachments';
import { IconButton } from './icon_button';
import { ModelSelect } from './model_select';
import { isSend } from './question';

export interface IComposerProps extends Omit<IAttachMenuProps, 'onClose'> {
  models: readonly IModelChoice[];
  modelId: string;
  isRunning: boolean;
  mayWrite: boolean;
  attached: readonly IContextItem[];
  /** The words that are not sent yet. */
  draft: string;
  onDraft: (text: string) => void;
  inputRef: React.RefObject<HTMLTextAreaElement>;
  onSend: () => void;
  onStop: () => void;
  onModel: (modelId: string) => void;
  onLoad: (modelId: string) => void;
  onDetach: (itemId: string) => void;
}

/** Where the question is written, and what it is sent with. */
export function Composer(props: IComposerProps): React.JSX.Element {
  const { isRunning, trans } = props;
  const [isMenuOpen, setIsMenuOpen] = React.useState(false);
  const close = (): void => {
    setIsMenuOpen(false);
    props.inputRef.current?.focus();
  };
  const canSend =
    !isRunning && props.draft.trim() !== '' && props.modelId !== '';
  return (
    <section className="jp-LLM-composer" aria-label={trans.__('Your question')}>
      {isMenuOpen && (
        <AttachMenu
          {...props}
          onAttachCells={() => {
            props.onAttachCells();
            close();
          }}
          onAttachVariable={async name => {
            const why = await props.onAttachVariable(name);
            if (!why) {
              close();
            }
            return why;
          }}
          onClose={close}
        />
      )}
      <div className="jp-LLM-composer-box">
        <Attachments {...props} items={props.attached} />
        <Input {...props} canSend={canSend} />
        <div className="jp-LLM-composer-bar">
          <IconButton
            icon={attachIcon}
            label={trans.__('Attach something of the notebook')}
            isExpanded={isMenuOpen}
            onClick={() => {
              setIsMenuOpen(!isMenuOpen);
            }}
          />
          <ModelSelect {...props} />
          {isRunning ? (
            <IconButton
              className="jp-LLM-send"
              icon={stopIcon}
              label={trans.__('Stop')}
              onClick={props.onStop}
            />
          ) : (
            <IconButton
              className="jp-LLM-send"
              icon={sendIcon}
              label={trans.__('Send')}
              isDisabled={!canSend}
              onClick={props.onSend}
            />
          )}
        </div>
      </div>
    </section>
  );
}

/** The box for the words; it grows with them. */
function Input(
  props: IComposerProps & { canSend: boolean }
): React.JSX.Element {
  const { draft, inputRef, trans } = props;
  React.useLayoutEffect(() => {
    const box = inputRef.current;
    if (box) {
      box.style.height = 'auto';
      box.style.height = `${box.scrollHeight}px`;
    }
  }, [draft, inputRef]);
  return (
    <textarea
      ref={inputRef}
      rows={1}
      aria-label={trans.__('Your question')}
      placeholder={trans.__('Ask anything')}
      title={trans.__('Enter sends, Shift+Enter begins a new line')}
      value={draft}
      onChange={event => {
        props.onDraft(event.target.value);
      }}
      onKeyDown={event => {
        if (isSend(event)) {
          event.preventDefault();
          if (props.canSend) {
            props.onSend();
          }
        }
      }}
    />
  );
}
