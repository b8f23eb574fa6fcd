import type { TranslationBundle } from '@jupyterlab/translation';
import { copyIcon, refreshIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { type CodeAction, codeActionOf } from '../codebar';
import type { MarkdownDrawer } from '../draw';
import type { IAnswer } from '../tokens';
import { IconButton } from './icon_button';
import { Markdown } from './markdown';
import { type IProblemActions, ProblemNote } from './problem';

const DONE_MS = 1500;

export interface IAnswerActions extends IProblemActions {
  onCopy: (text: string) => void;
  onCode: (action: CodeAction, code: string) => void;
}

export interface IAnswerProps extends IAnswerActions {
  answer: IAnswer;
  /** Whether it may be asked for again. */
  isLast: boolean;
  mayExecute: boolean;
  mayWrite: boolean;
  /** What the model does before the first word; empty if that is not known. */
  waiting: string;
  drawer: MarkdownDrawer;
  trans: TranslationBundle;
}

/** What the model said, and how it ended. */
export const Answer = React.memo(function Answer(
  props: IAnswerProps
): React.JSX.Element {
  const { answer, drawer, trans } = props;
  const isOpen = answer.state === 'running';
  return (
    <article
      className="jp-LLM-answer"
      data-state={answer.state}
      aria-label={answer.modelId || trans.__('Answer')}
      aria-busy={isOpen}
      onClick={event => {
        const found = codeActionOf(event.target);
        if (found) {
          props.onCode(found.action, found.code);
          showDone(found.button);
        }
      }}
    >
      {answer.reasoning && <Reasoning {...props} />}
      <Markdown text={answer.text} isOpen={isOpen} drawer={drawer} />
      {isOpen && <Waiting {...props} />}
      {answer.problem && <ProblemNote {...props} problem={answer.problem} />}
      {!isOpen && <Footer {...props} />}
    </article>
  );
});

/** A sign, where the button was pressed, that it has done what it is for. */
function showDone(button: HTMLElement): void {
  button.classList.add('jp-mod-done');
  setTimeout(() => {
    button.classList.remove('jp-mod-done');
  }, DONE_MS);
}

/** What the model thought before it spoke, folded. */
function Reasoning({ answer, drawer, trans }: IAnswerProps): React.JSX.Element {
  const [isShown, setIsShown] = React.useState(false);
  const isThinking = answer.state === 'running' && answer.text === '';
  return (
    <details
      className="jp-LLM-reasoning"
      onToggle={event => {
        setIsShown(event.currentTarget.open);
      }}
    >
      <summary>
        {isThinking ? trans.__('Thinking…') : trans.__('Thoughts')}
      </summary>
      {isShown && (
        <Markdown text={answer.reasoning} isOpen={isThinking} drawer={drawer} />
      )}
    </details>
  );
}

function Waiting(props: IAnswerProps): React.JSX.Element | null {
  const { answer, trans } = props;
  if (answer.text) {
    return null;
  }
  return (
    <p className="jp-LLM-waiting">
      <span className="jp-LLM-dots" aria-hidden="true">
        <i />
        <i />
        <i />
      </span>
      {props.waiting || trans.__('Reading…')}
    </p>
  );
}

function Footer(props: IAnswerProps): React.JSX.Element {
  const { answer, trans } = props;
  return (
    <footer className="jp-LLM-answer-footer">
      <span className="jp-LLM-muted">{facts(answer, trans)}</span>
      <span className="jp-LLM-message-actions">
        {answer.text && (
          <IconButton
            icon={copyIcon}
            label={trans.__('Copy answer')}
            onClick={() => {
              props.onCopy(answer.text);
            }}
          />
        )}
        {props.isLast && props.mayExecute && (
          <IconButton
            icon={refreshIcon}
            label={trans.__('Answer again')}
            onClick={() => {
              props.onRegenerate(answer.id);
            }}
          />
        )}
      </span>
    </footer>
  );
}

/** Model, length, speed and an unusual end: whatever is known. */
function facts(answer: IAnswer, trans: TranslationBundle): string {
  const { stats, finishReason } = answer;
  const tokens = stats?.completionTokens;
  const speed = stats?.tokensPerS;
  return [
    answer.modelId,
    tokens && trans._n('%1 token', '%1 tokens', tokens),
    speed && trans.__('%1 tokens/s', Math.round(speed)),
    answer.state === 'stopped' && trans.__('stopped'),
    finishReason === 'length' && trans.__('cut off: it reached its limit')
  ]
    .filter(Boolean)
    .join(' · ');
}
