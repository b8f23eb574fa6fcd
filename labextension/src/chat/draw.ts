import { renderMarkdown } from '@jupyterlab/rendermime';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { ITranslator } from '@jupyterlab/translation';

import { afterFrame } from './frames';
import { withoutRequests } from './harmless';

/** A drawing waits this many times as long as it took before it is made again. */
const REST = 3;

/** Turns Markdown into elements with Lab's own renderer, never trusting it. */
export class MarkdownDrawer {
  constructor(
    private readonly rendermime: IRenderMimeRegistry,
    private readonly translator: ITranslator,
    /** Dresses the elements of a finished block. */
    private readonly decorate: (host: HTMLElement, isOpen: boolean) => void
  ) {}

  async draw(source: string, isOpen: boolean): Promise<HTMLElement> {
    const { sanitizer, latexTypesetter, markdownParser } = this.rendermime;
    const host = document.createElement('div');
    await renderMarkdown({
      host,
      source,
      trusted: false,
      sanitizer: {
        sanitize: dirty => withoutRequests(sanitizer.sanitize(dirty))
      },
      resolver: null,
      linkHandler: null,
      shouldTypeset: false,
      latexTypesetter,
      markdownParser,
      translator: this.translator
    });
    for (const anchor of host.querySelectorAll('.jp-InternalAnchorLink')) {
      anchor.remove(); // a heading of an answer is no place to link to
    }
    this.decorate(host, isOpen);
    return host;
  }

  /** Set mathematics, in elements that are on the page already. */
  typeset(host: HTMLElement, source: string): void {
    if (/\$|\\[([]|\\begin/.test(source)) {
      void this.rendermime.latexTypesetter?.typeset(host);
    }
  }

  /** Have the parser at hand before the first token comes. */
  async warmUp(): Promise<void> {
    await this.draw('.', true);
  }
}

/**
 * Draws one block, again and again while it grows: once a frame at most, less often if it is
 * slow. Until then its source stands there; `isNew` has that seen first, for drawing takes time.
 */
export class BlockPainter {
  constructor(
    private readonly host: HTMLElement,
    private readonly drawer: Pick<MarkdownDrawer, 'draw' | 'typeset'>,
    private isNew: boolean
  ) {}

  paint(source: string, isOpen: boolean): void {
    if (!this.host.hasChildNodes()) {
      this.host.textContent = source; // to read until it is drawn
    }
    this.wanted = { source, isOpen };
    if (!this.isBusy) {
      void this.run();
    }
  }

  dispose(): void {
    this.wanted = null;
    this.isDisposed = true;
  }

  private async run(): Promise<void> {
    this.isBusy = true;
    if (this.isNew) {
      this.isNew = false;
      await afterFrame();
    }
    while (this.wanted) {
      const { source, isOpen } = this.wanted;
      this.wanted = null;
      const startedAt = performance.now();
      const drawn = await this.drawer.draw(source, isOpen);
      if (this.isDisposed) {
        return;
      }
      this.host.replaceChildren(...drawn.childNodes);
      if (!isOpen) {
        this.drawer.typeset(this.host, source);
      }
      await this.rest(REST * (performance.now() - startedAt));
    }
    this.isBusy = false;
  }

  /** Wait for the next frame, and longer while the block is open. */
  private async rest(restMs: number): Promise<void> {
    const until = performance.now() + restMs;
    do {
      await afterFrame();
    } while (performance.now() < until && this.wanted?.isOpen !== false);
  }

  private wanted: { source: string; isOpen: boolean } | null = null;
  private isBusy = false;
  private isDisposed = false;
}
