import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { explain, type Remedy } from '../remedy';
import type { IAnswer, IProblem } from '../tokens';

export interface IProblemActions {
  onRegenerate: (answerId: string) => void;
  onLoad: (modelId: string) => void;
  onShowModels: () => void;
  onNew: () => void;
}

interface IProblemNoteProps extends IProblemActions {
  answer: IAnswer;
  problem: IProblem;
  mayExecute: boolean;
  mayWrite: boolean;
  trans: TranslationBundle;
}

/** What went wrong, and the button that leads on. */
export function ProblemNote(props: IProblemNoteProps): React.JSX.Element {
  const { problem, trans } = props;
  const { title, detail, remedy } = explain(problem, trans);
  return (
    <div className="jp-LLM-problem" role="alert">
      <strong>{title}</strong>
      {detail && <p>{detail}</p>}
      <Way {...props} remedy={remedy} />
    </div>
  );
}

function Way(
  props: IProblemNoteProps & { remedy: Remedy }
): React.JSX.Element | null {
  const { answer, remedy, trans } = props;
  const waitS = useCountdown(props.problem.retryAt);
  const again = (): void => {
    props.onRegenerate(answer.id);
  };
  if (remedy === 'retry' && props.mayExecute) {
    return waitS > 0 ? (
      <Button
        label={trans._n(
          'Try again in %1 second',
          'Try again in %1 seconds',
          waitS
        )}
        isDisabled
        onClick={again}
      />
    ) : (
      <Button label={trans.__('Try again')} onClick={again} />
    );
  }
  if (remedy === 'load' && props.mayWrite) {
    return (
      <Button
        label={trans.__('Load %1', answer.modelId)}
        onClick={() => {
          props.onLoad(answer.modelId);
        }}
      />
    );
  }
  if (remedy === 'models' || remedy === 'load') {
    return (
      <Button label={trans.__('Show models')} onClick={props.onShowModels} />
    );
  }
  return remedy === 'new' ? (
    <Button label={trans.__('New chat')} onClick={props.onNew} />
  ) : null;
}

function Button(props: {
  label: string;
  isDisabled?: boolean;
  onClick: () => void;
}): React.JSX.Element {
  return (
    <button
      type="button"
      className="jp-LLM-button"
      disabled={props.isDisabled ?? false}
      onClick={props.onClick}
    >
      {props.label}
    </button>
  );
}

/** Whole seconds until a time in milliseconds since 1970; it renders each of them. */
function useCountdown(until: number): number {
  const left = (): number =>
    Math.max(0, Math.ceil((until - Date.now()) / 1000));
  const [waitS, setWaitS] = React.useState(left);
  React.useEffect(() => {
    const timer = setInterval(() => {
      setWaitS(left());
      if (left() === 0) {
        clearInterval(timer);
      }
    }, 500);
    return () => {
      clearInterval(timer);
    };
  }, [until]);
  return waitS;
}
