import * as React from 'react';

/** The name of what is to have the focus next; empty for nothing. */
export interface IWantedFocus {
  focus: string;
}

/**
 * Keeps the keyboard's place while lists change below it: an element with `data-focus`
 * that is taken away while it has the focus gives it to the next one of that name, such
 * as the same model's in another list. What `wanted` names has it as soon as it is there.
 */
export function useKeptFocus(
  root: React.RefObject<HTMLElement>,
  wanted: IWantedFocus
): void {
  const name = React.useRef('');
  React.useEffect(() => {
    const element = root.current;
    const onFocus = ({ target }: FocusEvent): void => {
      name.current = nameOf(target);
    };
    const onBlur = ({ target }: FocusEvent): void => {
      const left = nameOf(target);
      // an element that is being taken away loses the focus, too: look when that is done
      queueMicrotask(() => {
        if (target instanceof Element && target.isConnected) {
          name.current = name.current === left ? '' : name.current;
        }
      });
    };
    element?.addEventListener('focusin', onFocus);
    element?.addEventListener('focusout', onBlur);
    return () => {
      element?.removeEventListener('focusin', onFocus);
      element?.removeEventListener('focusout', onBlur);
    };
  }, [root]);
  React.useLayoutEffect(() => {
    const isLost = document.activeElement === document.body;
    const next = wanted.focus || (isLost ? name.current : '');
    const element = next && find(root.current, next);
    if (element) {
      wanted.focus = '';
      element.focus();
    }
  });
}

function find(root: HTMLElement | null, name: string): HTMLElement | null {
  const selector = `[data-focus="${CSS.escape(name)}"]`;
  return root?.querySelector<HTMLElement>(selector) ?? null;
}

function nameOf(target: EventTarget | null): string {
  return target instanceof HTMLElement ? (target.dataset.focus ?? '') : '';
}
