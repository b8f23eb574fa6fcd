import { FocusedRef } from '../src/chat/focused';

describe('FocusedRef', () => {
  let focus: jest.Mock;

  function drawn(): HTMLElement {
    return { focus } as unknown as HTMLElement;
  }

  beforeEach(() => {
    focus = jest.fn();
  });

  it('gives the focus to what is there', () => {
    const ref = new FocusedRef<HTMLElement>();
    ref.current = drawn();
    expect(focus).not.toHaveBeenCalled();

    ref.focus();

    expect(focus).toHaveBeenCalledTimes(1);
  });

  it('gives it once to what is drawn later', () => {
    const ref = new FocusedRef<HTMLElement>();
    ref.focus();

    ref.current = drawn();
    ref.current = null;
    ref.current = drawn();

    expect(focus).toHaveBeenCalledTimes(1);
  });
});
