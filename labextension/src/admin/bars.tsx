import * as React from 'react';

const WIDTH = 600;
const HEIGHT = 80;
const GAP = 2;

/** One bar of a chart, and what it is called. */
export interface IBar {
  readonly name: string;
  readonly value: number;
}

/** Values over time, as bars; each says what it stands for where it is pointed at. */
export function Bars(props: {
  label: string;
  bars: readonly IBar[];
}): React.JSX.Element {
  const { label, bars } = props;
  const top = Math.max(1, ...bars.map(({ value }) => value));
  const width = WIDTH / Math.max(1, bars.length);
  const first = bars[0]?.name ?? '';
  const last = bars.at(-1)?.name ?? '';
  return (
    <figure className="jp-LLM-chart">
      <figcaption>
        {label} <span className="jp-LLM-muted">{top.toLocaleString()}</span>
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${label}: ${inWords(bars)}`}
      >
        {bars.map(({ name, value }, place) => {
          const height = value > 0 ? Math.max(2, (HEIGHT * value) / top) : 0;
          return (
            <g key={place}>
              <title>{`${name}: ${value.toLocaleString()}`}</title>
              <rect
                className="jp-LLM-chart-slot"
                x={place * width}
                y={0}
                width={width}
                height={HEIGHT}
              />
              <rect
                className="jp-LLM-chart-bar"
                x={place * width + GAP / 2}
                y={HEIGHT - height}
                width={Math.max(1, width - GAP)}
                height={height}
              />
            </g>
          );
        })}
      </svg>
      <div className="jp-LLM-chart-ends jp-LLM-muted" aria-hidden="true">
        <span>{first}</span>
        <span>{last}</span>
      </div>
    </figure>
  );
}

/** What somebody who does not see the chart wants to know of it: where there is something. */
export function inWords(bars: readonly IBar[]): string {
  return (
    bars
      .filter(({ value }) => value > 0)
      .map(({ name, value }) => `${name}: ${value.toLocaleString()}`)
      .join(', ') || '0'
  );
}
