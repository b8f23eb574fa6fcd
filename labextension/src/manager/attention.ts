import { DisposableDelegate, type IDisposable } from '@lumino/disposable';

/** Leaving for less than this, as when another panel is looked at, changes nothing. */
const LINGER_MS = 10_000;

/** The page, as far as it matters whether somebody can see it. */
export interface IPage {
  readonly hidden: boolean;
  addEventListener(kind: 'visibilitychange', listener: () => void): void;
  removeEventListener(kind: 'visibilitychange', listener: () => void): void;
}

/** Whether somebody looks: something watches, and the page is not hidden. */
export class Attention implements IDisposable {
  /** `onChange` is told when somebody begins to look, and some time after nobody does. */
  constructor(
    private readonly onChange: (isPaid: boolean) => void,
    private readonly page: IPage | undefined = globalThis.document
  ) {
    this.page?.addEventListener('visibilitychange', this.update);
  }

  get isDisposed(): boolean {
    return this.disposed;
  }

  watch(): IDisposable {
    this.numWatchers += 1;
    this.update();
    return new DisposableDelegate(() => {
      this.numWatchers -= 1;
      this.update();
    });
  }

  dispose(): void {
    this.disposed = true;
    clearTimeout(this.timer);
    this.page?.removeEventListener('visibilitychange', this.update);
  }

  private readonly update = (): void => {
    if (this.disposed) {
      return;
    }
    clearTimeout(this.timer);
    if (this.numWatchers > 0 && !this.page?.hidden) {
      this.become(true);
    } else if (this.isPaid) {
      this.timer = setTimeout(() => {
        this.become(false);
      }, LINGER_MS);
    }
  };

  private become(isPaid: boolean): void {
    if (this.isPaid !== isPaid) {
      this.isPaid = isPaid;
      this.onChange(isPaid);
    }
  }

  private numWatchers = 0;
  private isPaid = false;
  private disposed = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
}
