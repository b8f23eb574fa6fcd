/** What stands before the cursor and behind it. */
export interface ISurroundings {
  before: string;
  behind: string;
}

/** The code around a cell, nearest last before it and nearest first behind it. */
export interface INeighbours {
  before: readonly string[];
  behind: readonly string[];
}

/** What is before the cursor says more of what comes next. */
const SHARE_BEFORE = 0.75;

const BETWEEN_CELLS = '\n\n';

/**
 * The text around the cursor, in its cell and in the cells around it, `maxCharacters` at
 * most; what is cut is what is farthest. Room that one side leaves the other one has.
 */
export function surroundings(
  text: string,
  offset: number,
  neighbours: INeighbours,
  maxCharacters: number
): ISurroundings {
  const before = [...neighbours.before, text.slice(0, offset)].join(
    BETWEEN_CELLS
  );
  const behind = [text.slice(offset), ...neighbours.behind].join(BETWEEN_CELLS);
  const forBefore = Math.max(
    Math.floor(maxCharacters * SHARE_BEFORE),
    maxCharacters - behind.length
  );
  const kept = lastOf(before, forBefore);
  return { before: kept, behind: behind.slice(0, maxCharacters - kept.length) };
}

/** Whether there is more on the line of the cursor than blanks and what closes brackets. */
export function isInsideLine(behind: string): boolean {
  return /^[^\n]*[^\s)\]}'"`:;,]/.test(behind);
}

/** The end of a text, from the beginning of a line on where there is one. */
function lastOf(text: string, length: number): string {
  if (text.length <= length) {
    return text;
  }
  const end = text.slice(text.length - length);
  const line = end.indexOf('\n') + 1;
  return line > 0 && line < end.length ? end.slice(line) : end;
}
