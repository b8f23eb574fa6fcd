import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { IDownload, IOffer, IOffersBody } from '../types';
import type { IPanelActions } from './actions';
import { Button } from './button';
import { FitBadge } from './fit';
import { formatBytes } from './format';
import type { Asked } from './model';

export interface IOffersProps {
  repoId: string;
  offers: Asked<IOffersBody>;
  /** Why the last download could not begin. */
  refusal: string | undefined;
  downloads: readonly IDownload[];
  actions: Pick<IPanelActions, 'onDownload'>;
  trans: TranslationBundle;
}

/** What could be downloaded of one repository. */
export function Offers(props: IOffersProps): React.JSX.Element {
  const { offers, trans } = props;
  if (offers.state === 'waiting') {
    return <p className="jp-LLM-note">{trans.__('Asking the Hub…')}</p>;
  }
  if (offers.state === 'refused') {
    return (
      <p className="jp-LLM-failure" role="alert">
        {offers.reason}
      </p>
    );
  }
  return (
    <>
      {props.refusal && (
        <p className="jp-LLM-failure" role="alert">
          {props.refusal}
        </p>
      )}
      <ul
        className="jp-LLM-offers"
        aria-label={trans.__('Files of %1', props.repoId)}
      >
        {offers.value.files.map(offer => (
          <Offer key={offer.name} {...props} offer={offer} />
        ))}
      </ul>
    </>
  );
}

function Offer(props: IOffersProps & { offer: IOffer }): React.JSX.Element {
  const { offer, trans } = props;
  return (
    <li data-offer={offer.name}>
      <span className="jp-LLM-offer">
        <span title={offer.filenames.join('\n')}>
          {offer.quantization || offer.name}
          {offer.suggested && (
            <span className="jp-LLM-tag">{trans.__('suits best')}</span>
          )}
        </span>
        <span className="jp-LLM-muted">
          {formatBytes(offer.size_bytes)}{' '}
          <FitBadge fit={offer.fit} trans={trans} />
        </span>
      </span>
      <OfferAction {...props} />
    </li>
  );
}

function OfferAction(
  props: IOffersProps & { offer: IOffer }
): React.JSX.Element {
  const { repoId, offer, actions, trans } = props;
  const file = offer.filenames[0] ?? '';
  const download = props.downloads.find(
    ({ repo_id, filenames }) => repo_id === repoId && filenames[0] === file
  );
  switch (download?.state) {
    case 'done':
      return <span className="jp-LLM-muted">{trans.__('on disk')}</span>;
    case 'queued':
    case 'running':
      return (
        <span className="jp-LLM-muted">
          {trans.__('%1 %', shareOf(download))}
        </span>
      );
    default:
      return (
        <Button
          label={download ? trans.__('Resume') : trans.__('Download')}
          of={offer.name}
          focus={`offer ${offer.name}`}
          onClick={() => {
            actions.onDownload(repoId, file, false);
          }}
        />
      );
  }
}

function shareOf({ done_bytes, size_bytes }: IDownload): number {
  return Math.floor((100 * done_bytes) / Math.max(1, size_bytes));
}
