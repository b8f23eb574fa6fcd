import type { TranslationBundle } from '@jupyterlab/translation';

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** Bytes for people, three digits at most: `6.5 MB`, `24 GB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${roundForPeople(value)} ${UNITS[unit]}`;
}

/** A count for people: `2.3M`, `7.6B`. */
export function formatCount(count: number): string {
  if (count >= 1e9) {
    return `${roundForPeople(count / 1e9)}B`;
  }
  return count >= 1e6 ? `${roundForPeople(count / 1e6)}M` : `${count}`;
}

/** A context length for people: `512`, `32k`. */
export function formatTokens(count: number): string {
  return count < 1024 ? `${count}` : `${roundForPeople(count / 1024)}k`;
}

/** A time for people: `40 s`, `5 min`, `2 h`. */
export function formatSpan(seconds: number, trans: TranslationBundle): string {
  if (seconds < 60) {
    return trans.__('%1 s', Math.max(0, Math.round(seconds)));
  }
  if (seconds < 3600) {
    return trans.__('%1 min', Math.round(seconds / 60));
  }
  return trans.__('%1 h', roundForPeople(seconds / 3600));
}

/** Up to one decimal: `3.4`, `12`. */
export function roundForPeople(value: number): number {
  return value < 10 ? Math.round(value * 10) / 10 : Math.round(value);
}
