/** The reference to an element that may get the focus before it is drawn. */
export class FocusedRef<T extends HTMLElement> {
  get current(): T | null {
    return this.element;
  }

  /** React sets it when the element is drawn and when it is removed. */
  set current(element: T | null) {
    this.element = element;
    if (element !== null && this.isWanted) {
      this.focus();
    }
  }

  /** Give it the focus, now or when it is drawn. */
  focus(): void {
    this.isWanted = this.element === null;
    this.element?.focus();
  }

  private element: T | null = null;
  private isWanted = false;
}
