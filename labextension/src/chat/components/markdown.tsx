import * as React from 'react';

import { allBlocks, BlockSplitter, type IBlock } from '../blocks';
import { BlockPainter, type MarkdownDrawer } from '../draw';

/** Markdown that may still grow: finished blocks stay, the last one is drawn again. */
export const Markdown = React.memo(function Markdown(props: {
  text: string;
  isOpen: boolean;
  drawer: MarkdownDrawer;
}): React.JSX.Element {
  const { text, isOpen, drawer } = props;
  const [splitter] = React.useState(() => new BlockSplitter());
  const blocks = isOpen ? splitter.split(text) : allBlocks(text);
  return (
    <div className="jp-LLM-markdown">
      {blocks.map((block, place) => (
        <Block key={place} {...block} isNew={isOpen} drawer={drawer} />
      ))}
    </div>
  );
});

const Block = React.memo(function Block(
  props: IBlock & { isNew: boolean; drawer: MarkdownDrawer }
): React.JSX.Element {
  const { source, isOpen, drawer } = props;
  const host = React.useRef<HTMLDivElement>(null);
  const painter = React.useRef<BlockPainter | null>(null);
  const [isNew] = React.useState(props.isNew);
  React.useLayoutEffect(() => {
    if (host.current) {
      painter.current ??= new BlockPainter(host.current, drawer, isNew);
      painter.current.paint(source, isOpen);
    }
  }, [source, isOpen, isNew, drawer]);
  React.useEffect(
    () => () => {
      painter.current?.dispose();
    },
    []
  );
  return (
    <div
      ref={host}
      className="jp-LLM-block jp-RenderedHTMLCommon jp-RenderedMarkdown"
      data-mime-type="text/markdown"
    />
  );
});
