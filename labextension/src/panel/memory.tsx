import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { IDevice } from '../types';
import { formatBytes } from './format';

/** How full a device is, and how much of it this server takes. */
export function MemoryBar(props: {
  device: IDevice;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { device, trans } = props;
  const total = formatBytes(device.total_bytes);
  const used = formatBytes(device.used_bytes);
  const own = formatBytes(device.own_bytes);
  const text = trans.__('%1 of %2 in use, %3 by this server', used, total, own);
  return (
    <div className="jp-LLM-memory" title={device.name}>
      <div className="jp-LLM-memory-label">
        <span>{device.kind === 'cpu' ? trans.__('Memory') : device.name}</span>
        <span>{trans.__('%1 of %2', used, total)}</span>
      </div>
      <div
        className="jp-LLM-memory-bar"
        role="meter"
        aria-label={device.name}
        aria-valuemin={0}
        aria-valuemax={device.total_bytes}
        aria-valuenow={device.used_bytes}
        aria-valuetext={text}
      >
        <div
          className="jp-LLM-memory-own"
          style={widthOf(device, device.own_bytes)}
        />
        <div
          className="jp-LLM-memory-others"
          style={widthOf(device, device.used_bytes - device.own_bytes)}
        />
      </div>
      <div className="jp-LLM-memory-label jp-LLM-muted">
        {trans.__('%1 by this server', own)}
      </div>
    </div>
  );
}

function widthOf(device: IDevice, bytes: number): React.CSSProperties {
  const share = Math.max(0, bytes) / Math.max(1, device.total_bytes);
  return { width: `${Math.min(100, 100 * share)}%` };
}
