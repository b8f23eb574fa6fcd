import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { ISnapshot } from '../tokens';
import type { IDownload, IOffer } from '../types';
import type { IPanelActions } from './actions';
import { Button } from './button';
import { DownloadProgress } from './downloads';
import { FitBadge } from './fit';
import { formatBytes } from './format';
import type { PanelModel } from './model';
import type { ISuggestion } from './settings';

export interface IWelcomeProps {
  snapshot: ISnapshot;
  state: PanelModel;
  actions: IPanelActions;
  trans: TranslationBundle;
}

/** Shown while there is no model but those of this package: how to get a real one. */
export function Welcome(props: IWelcomeProps): React.JSX.Element {
  const { snapshot, state, actions, trans } = props;
  const { suggestions } = state.settings;
  const { onChat } = actions;
  React.useEffect(() => {
    actions.onSuggest();
  }, [suggestions]);
  const refused = suggestions
    .map(({ repo_id }) => state.offers.get(repo_id))
    .find(offers => offers?.state === 'refused');
  const hasOffer = suggestions.some(({ repo_id }) =>
    ['waiting', 'here'].includes(state.offers.get(repo_id)?.state ?? '')
  );
  return (
    <section className="jp-LLM-welcome" aria-label={trans.__('First steps')}>
      <h3>{trans.__('Get a real model')}</h3>
      <p>
        {trans.__('guide is built in, tiny, and knows only this project.')}{' '}
        {suggestions.length > 0 &&
          hasOffer &&
          trans.__('These suit this machine:')}
      </p>
      <ul className="jp-LLM-list">
        {suggestions.map(suggestion => (
          <Suggestion
            key={suggestion.repo_id}
            {...props}
            suggestion={suggestion}
          />
        ))}
      </ul>
      {!hasOffer && refused?.state === 'refused' && (
        <p className="jp-LLM-failure" role="alert">
          {refused.reason}
        </p>
      )}
      <div className="jp-LLM-actions">
        <Button
          label={trans.__('Search the Hub')}
          onClick={actions.onOpenSearch}
        />
        {snapshot.permissions.execute && onChat && (
          <Button
            label={trans.__('Ask guide first')}
            onClick={() => {
              onChat('guide');
            }}
          />
        )}
      </div>
      <p className="jp-LLM-muted">
        {trans.__('Or put a GGUF file into this folder, and refresh:')}{' '}
        {snapshot.modelsDirs.map(folder => (
          <code key={folder}>{folder}</code>
        ))}
      </p>
    </section>
  );
}

/** A repository of which something fits; nothing is shown of the others. */
function Suggestion(
  props: IWelcomeProps & { suggestion: ISuggestion }
): React.JSX.Element | null {
  const { snapshot, state, suggestion, trans } = props;
  const { repo_id, note } = suggestion;
  const offers = state.offers.get(repo_id);
  const offer =
    offers?.state === 'here'
      ? offers.value.files.find(({ suggested }) => suggested)
      : undefined;
  const download = snapshot.downloads.find(
    one => one.repo_id === repo_id && one.state !== 'done'
  );
  if (!offer && offers?.state !== 'waiting') {
    return null;
  }
  return (
    <li className="jp-LLM-row" data-repo={repo_id}>
      <div className="jp-LLM-name">{shortName(repo_id)}</div>
      <div className="jp-LLM-muted">
        {note}
        {offer && (
          <>
            {' · '}
            {formatBytes(offer.size_bytes)}{' '}
            <FitBadge fit={offer.fit} trans={trans} />
          </>
        )}
      </div>
      {download && download.state !== 'cancelled' ? (
        <DownloadProgress download={download} trans={trans} />
      ) : (
        offer && <GetIt {...props} offer={offer} download={download} />
      )}
      {state.refusals.has(repo_id) && (
        <div className="jp-LLM-failure" role="alert">
          {state.refusals.get(repo_id)}
        </div>
      )}
    </li>
  );
}

function GetIt(
  props: IWelcomeProps & {
    suggestion: ISuggestion;
    offer: IOffer;
    download: IDownload | undefined;
  }
): React.JSX.Element {
  const { suggestion, offer, actions, trans } = props;
  const { repo_id } = suggestion;
  return (
    <Button
      label={
        props.download
          ? trans.__('Resume and load')
          : trans.__('Download and load')
      }
      isPrimary
      of={shortName(repo_id)}
      focus={`get ${repo_id}`}
      onClick={() => {
        actions.onDownload(repo_id, offer.filenames[0] ?? '', true);
      }}
    />
  );
}

/** `Qwen/Qwen3-4B-GGUF` as people say it. */
function shortName(repoId: string): string {
  return repoId.replace(/^.*\//, '').replace(/-GGUF$/i, '');
}
