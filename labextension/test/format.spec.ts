import { formatBytes, formatCount, formatTokens } from '../src/panel/format';

it.each([
  [0, '0 B'],
  [999, '999 B'],
  [999_999, '1 MB'],
  [6_512_345, '6.5 MB'],
  [25_300_000_000, '25 GB'],
  [3e15, '3000 TB']
])('formats %d bytes as %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

it.each([
  [812, '812'],
  [2_312_000, '2.3M'],
  [7_600_000_000, '7.6B'],
  [70_000_000_000, '70B']
])('formats a count of %d as %s', (count, text) => {
  expect(formatCount(count)).toBe(text);
});

it.each([
  [512, '512'],
  [2048, '2k'],
  [32_768, '32k'],
  [131_072, '128k']
])('formats a context of %d tokens as %s', (count, text) => {
  expect(formatTokens(count)).toBe(text);
});
