import * as React from 'react';

import type { IMemorySample } from '../tokens';
import type { IDevice } from '../types';
import { type IShare, sharesOf } from './shares';

const WIDTH = 300;
const HEIGHT = 60;
const SHOWN_S = 300;
const KINDS: IShare['kind'][] = ['model', 'server', 'neighbours', 'others'];

/** One band of the graph: at each time from where to where, in bytes. */
interface IBand {
  readonly kind: IShare['kind'];
  readonly id: string;
  readonly edges: { at: number; from: number; to: number }[];
}

/** Who took how much of a device in the last minutes, as a picture. */
export function MemoryGraph(props: {
  deviceId: string;
  history: readonly IMemorySample[];
  /** The most that the picture shows, in bytes. */
  top_bytes: number;
  colours: ReadonlyMap<string, number>;
  label: string;
}): React.JSX.Element {
  const { history, top_bytes } = props;
  const end = history.at(-1)?.at ?? 0;
  const x = (at: number): number => WIDTH * (1 - (end - at) / SHOWN_S);
  const y = (bytes: number): number => HEIGHT * (1 - bytes / top_bytes);
  return (
    <svg
      className="jp-LLM-graph"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={props.label}
    >
      {bandsOf(props.deviceId, history).map(band => (
        <path
          key={`${band.kind} ${band.id}`}
          className="jp-LLM-share"
          data-kind={band.kind}
          data-colour={colourOf(band, props.colours)}
          d={outline(band, x, y)}
        />
      ))}
    </svg>
  );
}

const STEPS = [1, 1.5, 2, 3, 4, 6, 8, 10];

/** A round number of bytes just above all that the graph has to show. */
export function topOf(
  { id, total_bytes, used_bytes }: IDevice,
  history: readonly IMemorySample[]
): number {
  const seen = history
    .flatMap(({ devices }) => devices)
    .filter(device => device.id === id)
    .map(device => device.used_bytes);
  const peak = 1.1 * Math.max(1, used_bytes, ...seen);
  const power = 10 ** Math.floor(Math.log10(peak));
  const top = STEPS.map(step => step * power).find(step => step >= peak);
  return Math.min(total_bytes, top ?? peak);
}

/** The colour of a share: models have those of a palette, the others one by kind. */
export function colourOf(
  share: Pick<IShare, 'kind' | 'id'>,
  colours: ReadonlyMap<string, number>
): number | undefined {
  return share.kind === 'model' ? (colours.get(share.id) ?? 0) % 6 : undefined;
}

/** The history as bands that lie on each other, those of this server at the bottom. */
export function bandsOf(
  deviceId: string,
  history: readonly IMemorySample[]
): IBand[] {
  const bands = new Map<string, IBand>();
  const shares = history.map(sample => {
    const device = sample.devices.find(({ id }) => id === deviceId);
    return device ? sharesOf(device, sample) : [];
  });
  for (const { kind, id } of shares.flat()) {
    bands.set(`${kind} ${id}`, { kind, id, edges: [] });
  }
  const ordered = [...bands.values()].sort(
    (one, other) => KINDS.indexOf(one.kind) - KINDS.indexOf(other.kind)
  );
  history.forEach(({ at }, index) => {
    let from = 0;
    for (const { kind, id, edges } of ordered) {
      const share = shares[index]?.find(
        one => one.kind === kind && one.id === id
      );
      const to = from + (share?.bytes ?? 0);
      edges.push({ at, from, to });
      from = to;
    }
  });
  return ordered;
}

function outline(
  { edges }: IBand,
  x: (at: number) => number,
  y: (bytes: number) => number
): string {
  const upper = edges.map(({ at, to }) => `${round(x(at))} ${round(y(to))}`);
  const lower = edges.map(
    ({ at, from }) => `${round(x(at))} ${round(y(from))}`
  );
  return `M${[...upper, ...lower.reverse()].join('L')}Z`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
