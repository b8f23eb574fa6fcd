import {
  cellsItem,
  MAX_OUTPUT,
  MAX_SOURCE,
  MAX_VARIABLE,
  namesIn,
  variableItem
} from '../src/chat/excerpt';

describe('cells', () => {
  it('go with their output, without the colours of a terminal', () => {
    const cell = { number: 3, source: 'x', output: '\u001b[31m42\u001b[0m' };
    const item = cellsItem([cell], 'a.ipynb', 'python', 'Cell 3');
    expect(item).toMatchObject({
      origin: 'Cell 3 of a.ipynb',
      text: 'x\n# output\n42',
      isCut: false
    });
  });

  it('are told apart', () => {
    const cells = [1, 2].map(number => ({ number, source: 'x', output: '' }));
    const item = cellsItem(cells, 'a.ipynb', 'python', '2 cells');
    expect(item.origin).toBe('Cells 1, 2 of a.ipynb');
    expect(item.text).toBe('# cell 1\nx\n\n# cell 2\nx');
  });

  it('are bounded', () => {
    const long = 'x'.repeat(100_000);
    const cell = { number: 1, source: 'x', output: long };
    const printed = cellsItem([cell], 'a', '', 'Cell 1');
    expect(printed.text.length).toBeLessThan(MAX_OUTPUT + 100);
    const written = cellsItem([{ ...cell, source: long }], 'a', '', 'Cell 1');
    expect(written.text.length).toBeLessThanOrEqual(MAX_SOURCE + 1);
    expect(written.isCut).toBe(true);
  });
});

describe('a variable', () => {
  it('is what the kernel says of it, without the manual of its class', () => {
    const inspected =
      '\u001b[31mType:\u001b[39m        int\n\u001b[31mString form:\u001b[39m 42\n\u001b[31mDocstring:\u001b[39m   \nint([x]) -> integer';
    const item = variableItem('price', inspected, 'a.ipynb');
    expect(item.text).toBe('Type:        int\nString form: 42');
    expect(item.origin).toBe('Variable price of a.ipynb');
  });

  it('is bounded', () => {
    const item = variableItem('x', 'y'.repeat(100_000), 'a');
    expect(item.text.length).toBeLessThanOrEqual(MAX_VARIABLE + 1);
    expect(item.isCut).toBe(true);
  });
});

it('finds the names that code gives a value to', () => {
  const code = [
    'import numpy as np',
    'import math',
    'from os import path',
    'df = read(1)',
    '    inner = 2',
    'def f(a): pass',
    'class Thing:',
    'for row in rows:',
    'print(df)',
    'x == 3'
  ].join('\n');
  expect(namesIn(code).sort()).toEqual(
    ['np', 'math', 'path', 'df', 'inner', 'f', 'Thing', 'row'].sort()
  );
});
