import type { TranslationBundle } from '@jupyterlab/translation';
import { closeIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { DownloadState, IDownload } from '../types';
import type { IPanelActions } from './actions';
import { Button, IconButton } from './button';
import { formatBytes, formatSpan } from './format';
import { Progress } from './progress';

export interface IDownloadProps {
  download: IDownload;
  mayWrite: boolean;
  actions: Pick<
    IPanelActions,
    'onDownload' | 'onCancelDownload' | 'onDismissDownload'
  >;
  trans: TranslationBundle;
}

/** A download: how far, how fast, and how to stop it or go on. */
export function DownloadItem(props: IDownloadProps): React.JSX.Element {
  const { download, trans } = props;
  const { repo_id, filenames, state } = download;
  const file = filenames[0] ?? '';
  const [isAsking, setAsking] = React.useState(false);
  const isOver = props.mayWrite && !isRunning(state);
  return (
    <li className="jp-LLM-row" data-download={repo_id} data-state={state}>
      <div className="jp-LLM-line">
        <span className="jp-LLM-name" title={`${repo_id}\n${file}`}>
          {repo_id}
        </span>
        {props.mayWrite && !(isOver && isAsking) && (
          <Actions
            {...props}
            onDismiss={() => {
              setAsking(true);
            }}
          />
        )}
      </div>
      <div className="jp-LLM-muted">{file}</div>
      <DownloadProgress download={download} trans={trans} />
      {download.error && (
        <div className="jp-LLM-failure" role="alert">
          {download.error}
        </div>
      )}
      {isOver && isAsking && (
        <Dismissal
          {...props}
          onKeep={() => {
            setAsking(false);
          }}
        />
      )}
    </li>
  );
}

/** The bar and the words below it, also for the first-run card. */
export function DownloadProgress(props: {
  download: IDownload;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { download, trans } = props;
  const { repo_id, done_bytes, size_bytes } = download;
  return (
    <>
      {isRunning(download.state) && (
        <Progress
          label={trans.__('Downloading %1', repo_id)}
          value={done_bytes / Math.max(1, size_bytes)}
        />
      )}
      <div className="jp-LLM-muted">{howFar(download, trans)}</div>
    </>
  );
}

function Actions(
  props: IDownloadProps & { onDismiss: () => void }
): React.JSX.Element {
  const { download, actions, trans } = props;
  const { id, repo_id, filenames } = download;
  if (isRunning(download.state)) {
    return (
      <Button
        label={trans.__('Stop')}
        of={repo_id}
        focus={`download ${id}`}
        onClick={() => {
          actions.onCancelDownload(id);
        }}
      />
    );
  }
  return (
    <span className="jp-LLM-actions">
      <Button
        label={trans.__('Resume')}
        of={repo_id}
        focus={`download ${id}`}
        onClick={() => {
          actions.onDownload(repo_id, filenames[0] ?? '', false);
        }}
      />
      <IconButton
        icon={closeIcon}
        label={trans.__('Dismiss: %1', repo_id)}
        onClick={props.onDismiss}
      />
    </span>
  );
}

/** Hours of waiting may be gone with a press: asks whether that is meant. */
function Dismissal(
  props: IDownloadProps & { onKeep: () => void }
): React.JSX.Element {
  const { download, actions, trans } = props;
  return (
    <div className="jp-LLM-actions">
      <Button
        label={trans.__('Delete what has come')}
        of={download.repo_id}
        focus={`download ${download.id}`}
        isFirst
        onClick={() => {
          actions.onDismissDownload(download.id);
        }}
      />
      <Button
        label={trans.__('Keep')}
        of={download.repo_id}
        onClick={props.onKeep}
      />
    </div>
  );
}

/** Bytes, speed and the time that is left: whatever is known. */
export function howFar(download: IDownload, trans: TranslationBundle): string {
  const { done_bytes, size_bytes, bytes_per_s, eta_s } = download;
  const size = formatBytes(size_bytes);
  switch (download.state) {
    case 'queued':
      return trans.__('%1, waiting for its turn', size);
    case 'cancelled':
      return trans.__('%1, stopped; what has come is kept', size);
    case 'failed':
    case 'done':
    case 'dismissed':
      return size;
    case 'running':
      return [
        trans.__('%1 of %2', formatBytes(done_bytes), size),
        bytes_per_s > 0 && trans.__('%1/s', formatBytes(bytes_per_s)),
        eta_s !== null && trans.__('%1 left', formatSpan(eta_s, trans))
      ]
        .filter(Boolean)
        .join(' · ');
  }
}

function isRunning(state: DownloadState): boolean {
  return state === 'queued' || state === 'running';
}
