import { caretDownIcon, caretRightIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

/** A part of the panel that can be folded. */
export function Section(props: {
  name: string;
  title: string;
  /** How many things are in it. */
  count?: number;
  isFolded: boolean;
  onToggle: (name: string) => void;
  children: React.ReactNode;
}): React.JSX.Element {
  const { name, title, count, isFolded } = props;
  const id = `jp-llm-section-${name}`;
  const Caret = isFolded ? caretRightIcon : caretDownIcon;
  return (
    <section
      className="jp-LLM-section"
      data-section={name}
      aria-labelledby={id}
    >
      <h3 className="jp-LLM-section-head">
        <button
          id={id}
          data-focus={id}
          aria-expanded={!isFolded}
          onClick={() => {
            props.onToggle(name);
          }}
        >
          <Caret.react tag="span" className="jp-LLM-caret" />
          {title}
          {count !== undefined && <span className="jp-LLM-count">{count}</span>}
        </button>
      </h3>
      {!isFolded && <div className="jp-LLM-section-body">{props.children}</div>}
    </section>
  );
}
