import { UUID } from '@lumino/coreutils';

import type { IContextItem } from './tokens';

/** Characters of a cell, of its output and of what is known of a variable. */
export const MAX_SOURCE = 8000;
export const MAX_OUTPUT = 2000;
export const MAX_VARIABLE = 2000;

// eslint-disable-next-line no-control-regex -- terminal colours begin with a control character
const COLOURS = /\u001b\[[0-9;]*m/g;

/** Where a documentation of a variable's class begins, which would be most of what is known. */
const DOCUMENTATION =
  /^(?:Docstring|Class docstring|Init docstring|Call docstring|File):/m;

/** One cell, as far as it is of interest. */
export interface ICellText {
  /** Its number in the notebook, from 1. */
  readonly number: number;
  readonly source: string;
  /** What it printed and showed as text, and the traceback of its error. */
  readonly output: string;
}

/** Cells of a notebook as something to attach. */
export function cellsItem(
  cells: readonly ICellText[],
  notebook: string,
  language: string,
  title: string
): IContextItem {
  const several = cells.length > 1;
  const parts = cells.map(({ number, source, output }) => {
    const head = several ? [`# cell ${number}`] : [];
    const shown = output ? ['# output', cut(plain(output), MAX_OUTPUT)] : [];
    return [...head, source, ...shown].join('\n');
  });
  const text = parts.join('\n\n');
  const numbers = cells.map(({ number }) => number).join(', ');
  return item({
    title,
    origin: `${several ? 'Cells' : 'Cell'} ${numbers} of ${notebook}`,
    language,
    text,
    limit: MAX_SOURCE
  });
}

/** What a kernel says of a variable as something to attach. */
export function variableItem(
  name: string,
  inspected: string,
  notebook: string
): IContextItem {
  const known = plain(inspected).split(DOCUMENTATION, 1)[0] ?? '';
  return item({
    title: name,
    origin: `Variable ${name} of ${notebook}`,
    language: '',
    text: known.trim(),
    limit: MAX_VARIABLE
  });
}

/** Names that code gives a value to: by assignment, import, loop or definition. */
export function namesIn(code: string): string[] {
  const found = NAMINGS.flatMap(naming =>
    [...code.matchAll(naming)].flatMap(([, name]) => (name ? [name] : []))
  );
  return [...new Set(found)];
}

const NAMINGS = [
  /^[ \t]*([\p{L}_][\p{L}\p{N}_]*)[ \t]*(?:=(?!=)|<-)/gmu,
  /^[ \t]*(?:async[ \t]+)?(?:def|class|for)[ \t]+([\p{L}_][\p{L}\p{N}_]*)/gmu,
  /^[ \t]*(?:from[ \t]+\S+[ \t]+)?import[ \t]+(?:\S+[ \t]+as[ \t]+)?([\p{L}_][\p{L}\p{N}_]*)/gmu
];

function item(options: {
  title: string;
  origin: string;
  language: string;
  text: string;
  limit: number;
}): IContextItem {
  const { text, limit, ...rest } = options;
  return {
    id: UUID.uuid4(),
    ...rest,
    text: cut(text, limit),
    isCut: text.length > limit
  };
}

function cut(text: string, limit: number): string {
  return text.length > limit ? `${text.slice(0, limit)}…` : text;
}

function plain(text: string): string {
  return text.replace(COLOURS, '');
}
