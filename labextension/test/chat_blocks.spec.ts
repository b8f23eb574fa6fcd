import { allBlocks, BlockSplitter } from '../src/chat/blocks';

function sources(text: string): string[] {
  return allBlocks(text).map(({ source }) => source.trim());
}

describe('a text that has ended', () => {
  it.each([
    ['paragraphs', 'one\ntwo\n\nthree', ['one\ntwo', 'three']],
    ['many blank lines', '\n\none\n\n\n \ntwo\n\n', ['one', 'two']],
    [
      'a fence with blank lines in it',
      'a\n\n```python\nx\n\n\ny\n```\nb',
      ['a', '```python\nx\n\n\ny\n```', 'b']
    ],
    ['a fence right behind a line', 'so:\n```\nx\n```', ['so:', '```\nx\n```']],
    [
      'a fence in a longer one',
      '````\n```\nx\n\n```\n````\nb',
      ['````\n```\nx\n\n```\n````', 'b']
    ],
    ['a fence of tildes', '~~~\na\n\n```\n~~~\nb', ['~~~\na\n\n```\n~~~', 'b']],
    ['a loose list', '1. a\n\n2. b\n\nend', ['1. a\n\n2. b', 'end']],
    [
      'code in a list',
      '- a\n\n  ```\n  x\n\n  y\n  ```\n\n- b\n\nend',
      ['- a\n\n  ```\n  x\n\n  y\n  ```\n\n- b', 'end']
    ],
    ['mathematics', '$$\na\n\nb\n$$\n\nc', ['$$\na\n\nb\n$$', 'c']],
    [
      'mathematics in brackets',
      '\\[\na\n\nb\n\\]\nc',
      ['\\[\na\n\nb\n\\]', 'c']
    ],
    ['mathematics in one line', '$$a$$\n\nc', ['$$a$$', 'c']],
    ['a table', '| a |\n|---|\n| 1 |\n\nc', ['| a |\n|---|\n| 1 |', 'c']],
    ['a fence that never ends', '```\na\n\nb', ['```\na\n\nb']],
    ['nothing', ' \n', []]
  ])('cuts %s', (_, text, expected) => {
    expect(sources(text)).toEqual(expected);
  });
});

describe('a text that grows', () => {
  const TEXT =
    'Hello\n\n1. one\n\n2. two\n\n```js\nlet a;\n\nlet b;\n```\n\n$$\nx\n\ny\n$$\n\n- end\n- of it\n\nlast';

  it('ends as one that was there at once, letter by letter', () => {
    const splitter = new BlockSplitter();
    for (let end = 1; end <= TEXT.length; end++) {
      splitter.split(TEXT.slice(0, end));
    }
    const grown = splitter.split(TEXT).map(({ source }) => source);
    expect(grown).toEqual(allBlocks(TEXT).map(({ source }) => source));
  });

  it('never changes a block that is finished', () => {
    const splitter = new BlockSplitter();
    let finished: string[] = [];
    for (let end = 1; end <= TEXT.length; end++) {
      const now = splitter
        .split(TEXT.slice(0, end))
        .filter(({ isOpen }) => !isOpen)
        .map(({ source }) => source);
      expect(now.slice(0, finished.length)).toEqual(finished);
      finished = now;
    }
  });

  it('has one open block at most, the last', () => {
    const splitter = new BlockSplitter();
    for (let end = 1; end <= TEXT.length; end++) {
      const blocks = splitter.split(TEXT.slice(0, end));
      expect(blocks.slice(0, -1).every(({ isOpen }) => !isOpen)).toBe(true);
    }
  });

  it('keeps the objects of finished blocks, so that nothing draws them again', () => {
    const splitter = new BlockSplitter();
    const [before] = splitter.split('one\n\ntwo');
    const [after] = splitter.split('one\n\ntwo three');
    expect(after).toBe(before);
  });

  it('starts over with another text', () => {
    const splitter = new BlockSplitter();
    splitter.split('one\n\ntwo');
    expect(splitter.split('other').map(({ source }) => source)).toEqual([
      'other'
    ]);
  });
});
