/** A part of an answer that is drawn by itself. */
export interface IBlock {
  readonly source: string;
  /** Whether it can still grow. */
  readonly isOpen: boolean;
}

const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const LIST_ITEM = /^ {0,3}(?:[-*+]|\d{1,9}[.)])(?:\s|$)/;
const BLANK = /^\s*$/;
const INDENTED = /^(?: {2,}|\t)/;
const MATH = /^ {0,3}(\$\$|\\\[)/;
const MATH_END = { $$: /\$\$/, '\\]': /\\\]/ };

/**
 * Cuts Markdown that grows at its end into blocks that do not change any more, and the
 * last one, which may.
 *
 * A block ends at a blank line, except inside a code fence, display mathematics or a
 * list. Only what stands behind the last finished block is looked at again.
 */
export class BlockSplitter {
  /** The blocks of `text`; quick where it begins with the text of the last call. */
  split(text: string): readonly IBlock[] {
    if (!text.startsWith(this.text)) {
      this.finished = [];
      this.offset = 0;
    }
    this.text = text;
    for (;;) {
      const end = endOfBlock(text, this.offset);
      if (end < 0) {
        break;
      }
      this.add(text.slice(this.offset, end));
      this.offset = end;
    }
    const rest = text.slice(this.offset);
    return BLANK.test(rest)
      ? this.finished
      : [...this.finished, { source: rest, isOpen: true }];
  }

  private add(source: string): void {
    if (!BLANK.test(source)) {
      this.finished = [...this.finished, { source, isOpen: false }];
    }
  }

  private text = '';
  private offset = 0;
  private finished: readonly IBlock[] = [];
}

/** All blocks of a text that grows no more. */
export function allBlocks(text: string): readonly IBlock[] {
  return new BlockSplitter()
    .split(text)
    .map(block => ({ ...block, isOpen: false }));
}

/** Where the block that begins at `start` ends, -1 while more of it may come. */
function endOfBlock(text: string, start: number): number {
  const state: IState = { kind: 'nothing', closing: null, isAfterBlank: false };
  for (let at = start; at < text.length;) {
    const newline = text.indexOf('\n', at);
    const isWhole = newline >= 0;
    const next = isWhole ? newline + 1 : text.length;
    const line = text.slice(at, isWhole ? newline : next);
    const end = read(state, line, isWhole);
    if (end !== 'not here') {
      return end === 'before' ? at : next;
    }
    at = next;
  }
  return -1;
}

/** What is known of a block from its lines so far. */
interface IState {
  kind: 'nothing' | 'text' | 'list';
  /** The line that ends the fence or the mathematics that is open. */
  closing: RegExp | null;
  isAfterBlank: boolean;
}

/** Take a line into a block, if it is not one that ends it; the last line of a text may grow. */
function read(
  state: IState,
  line: string,
  isWhole: boolean
): 'before' | 'after' | 'not here' {
  if (state.closing) {
    return readEnclosed(state, state.closing, line, isWhole);
  }
  if (BLANK.test(line)) {
    state.isAfterBlank = true;
    return state.kind === 'text' && isWhole ? 'after' : 'not here';
  }
  if (state.kind === 'list' && state.isAfterBlank && !goesOn(line)) {
    return isWhole || isDecided(line) ? 'before' : 'not here';
  }
  if (state.kind === 'text' && FENCE.test(line)) {
    return 'before';
  }
  if (state.kind === 'nothing') {
    state.kind = LIST_ITEM.test(line) ? 'list' : 'text';
  }
  state.closing = closingOf(line, isWhole);
  state.isAfterBlank = false;
  return 'not here';
}

function readEnclosed(
  state: IState,
  closing: RegExp,
  line: string,
  isWhole: boolean
): 'after' | 'not here' {
  if (!isWhole || !closing.test(line)) {
    return 'not here';
  }
  state.closing = null;
  return state.kind === 'list' ? 'not here' : 'after';
}

/** Whether a line behind a blank one belongs to the list above. */
function goesOn(line: string): boolean {
  return LIST_ITEM.test(line) || INDENTED.test(line);
}

/** Whether no more characters could make a list item of a line that begins like this. */
function isDecided(line: string): boolean {
  return !/^ {0,3}(?:[-*+]?|\d{1,9}[.)]?)$/.test(line);
}

/** What ends the fence or the mathematics that this line opens. */
function closingOf(line: string, isWhole: boolean): RegExp | null {
  const fence = /^\s*(`{3,}|~{3,})/.exec(line)?.[1];
  if (fence) {
    const sign = fence.startsWith('`') ? '`' : '~';
    return new RegExp(`^\\s*${sign}{${fence.length},}\\s*$`);
  }
  const [, math = ''] = MATH.exec(line) ?? [];
  const end = math === '$$' ? '$$' : '\\]';
  const rest = line.slice(line.indexOf(math) + math.length);
  return math && isWhole && !rest.includes(end) ? MATH_END[end] : null;
}
