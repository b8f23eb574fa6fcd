import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { ISnapshot } from '../tokens';
import type { IDevice } from '../types';
import { formatBytes } from './format';
import { colourOf, MemoryGraph, topOf } from './graph';
import { type IShare, sharesOf } from './shares';

export interface IMemoryProps {
  device: IDevice;
  snapshot: ISnapshot;
  colours: ReadonlyMap<string, number>;
  trans: TranslationBundle;
}

/** How full a device is and was, and by whom. */
export function DeviceMemory(props: IMemoryProps): React.JSX.Element {
  const { device, snapshot, colours, trans } = props;
  const shares = sharesOf(device, snapshot);
  const used = formatBytes(device.used_bytes);
  const total = formatBytes(device.total_bytes);
  const top_bytes = topOf(device, snapshot.history);
  const name = device.kind === 'cpu' ? trans.__('System memory') : device.name;
  return (
    <div className="jp-LLM-device">
      <div className="jp-LLM-line">
        <span title={device.name}>{name}</span>
        <span className="jp-LLM-muted">
          {trans.__('%1 of %2', used, total)}
        </span>
      </div>
      <MemoryBar {...props} shares={shares} name={name} />
      <figure>
        <MemoryGraph
          deviceId={device.id}
          history={snapshot.history}
          top_bytes={top_bytes}
          colours={colours}
          label={trans.__('%1 in the last five minutes', name)}
        />
        <figcaption className="jp-LLM-line jp-LLM-muted">
          <span>{trans.__('last 5 minutes')}</span>
          <span>{trans.__('top: %1', formatBytes(top_bytes))}</span>
        </figcaption>
      </figure>
      <ul
        className="jp-LLM-legend"
        aria-label={trans.__('Who uses the memory of %1', name)}
      >
        {shares.map(share => (
          <li key={`${share.kind} ${share.id}`}>
            <Swatch share={share} colours={colours} />
            <span className="jp-LLM-legend-name">{nameOf(share, trans)}</span>
            <span className="jp-LLM-muted">{formatBytes(share.bytes)}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** The colour of a share, as a small square. */
export function Swatch(props: {
  share: Pick<IShare, 'kind' | 'id'>;
  colours: ReadonlyMap<string, number>;
}): React.JSX.Element {
  return (
    <span
      className="jp-LLM-swatch jp-LLM-share"
      data-kind={props.share.kind}
      data-colour={colourOf(props.share, props.colours)}
    />
  );
}

function MemoryBar(
  props: IMemoryProps & { shares: readonly IShare[]; name: string }
): React.JSX.Element {
  const { device, trans } = props;
  const text = trans.__(
    '%1 of %2 in use, %3 by this server',
    formatBytes(device.used_bytes),
    formatBytes(device.total_bytes),
    formatBytes(device.own_bytes)
  );
  return (
    <div
      className="jp-LLM-bar"
      role="meter"
      aria-label={props.name}
      aria-valuemin={0}
      aria-valuemax={device.total_bytes}
      aria-valuenow={device.used_bytes}
      aria-valuetext={text}
      title={text}
    >
      {props.shares.map(share => (
        <div
          key={`${share.kind} ${share.id}`}
          className="jp-LLM-share"
          data-kind={share.kind}
          data-colour={colourOf(share, props.colours)}
          style={{
            width: `${(100 * share.bytes) / Math.max(1, device.total_bytes)}%`
          }}
        />
      ))}
    </div>
  );
}

function nameOf({ kind, id }: IShare, trans: TranslationBundle): string {
  const names: Record<IShare['kind'], string> = {
    model: id,
    server: trans.__('This server'),
    neighbours: trans.__('Other notebook servers'),
    others: trans.__('Everything else')
  };
  return names[kind];
}
