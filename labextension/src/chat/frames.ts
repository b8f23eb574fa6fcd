/** Resolves when a frame has been drawn: what is done then does not hold it up. */
export function afterFrame(): Promise<void> {
  return new Promise(resolve => {
    requestAnimationFrame(() => {
      setTimeout(resolve);
    });
  });
}

/** Draws what may change many times between two frames: once a frame. */
export class FrameDrawer {
  constructor(
    private readonly draw: () => void,
    private readonly onNextFrame = (callback: () => void): void => {
      requestAnimationFrame(callback);
    }
  ) {}

  /** Draw with the next frame. */
  soon(): void {
    this.isWanted = true;
    this.wait();
  }

  /** Draw at once; what is wanted before it is on the screen waits for the frame behind. */
  now(): void {
    this.isWanted = false;
    this.isFresh = true;
    this.draw();
    this.wait();
  }

  private wait(): void {
    if (!this.isWaiting) {
      this.isWaiting = true;
      this.onNextFrame(() => {
        this.isWaiting = false;
        this.pass();
      });
    }
  }

  /** A frame is about to be drawn. */
  private pass(): void {
    if (this.isFresh) {
      this.isFresh = false;
      if (this.isWanted) {
        this.wait();
      }
    } else if (this.isWanted) {
      this.isWanted = false;
      this.draw();
    }
  }

  private isWanted = false;
  private isWaiting = false;
  /** Whether no frame has shown yet what was drawn at once. */
  private isFresh = false;
}
