import type { TranslationBundle } from '@jupyterlab/translation';
import {
  caretDownIcon,
  caretRightIcon,
  searchIcon
} from '@jupyterlab/ui-components';
import * as React from 'react';

import type { IDownload, IHubRepo } from '../types';
import type { IPanelActions } from './actions';
import { IconButton } from './button';
import { formatCount } from './format';
import type { Asked, PanelModel } from './model';
import { Offers } from './offers';

export interface IHubProps {
  state: PanelModel;
  downloads: readonly IDownload[];
  actions: IPanelActions;
  trans: TranslationBundle;
}

/** Looks for models on the Hub, shows what there is of each, and downloads it. */
export function Hub(props: IHubProps): React.JSX.Element {
  const { state, actions, trans } = props;
  const [text, setText] = React.useState(state.search?.text ?? '');
  return (
    <>
      <form
        className="jp-LLM-search"
        role="search"
        onSubmit={event => {
          event.preventDefault();
          actions.onSearch(text.trim());
        }}
      >
        <input
          type="search"
          className="jp-LLM-input"
          data-focus="hub search"
          aria-label={trans.__('Search models on the Hub')}
          placeholder={trans.__('Name, or org/name')}
          value={text}
          onChange={event => {
            setText(event.target.value);
          }}
        />
        <IconButton
          icon={searchIcon}
          label={trans.__('Search')}
          onClick={() => {
            actions.onSearch(text.trim());
          }}
        />
      </form>
      {state.search && <Found {...props} found={state.search.found} />}
    </>
  );
}

function Found(
  props: IHubProps & { found: Asked<IHubRepo[]> }
): React.JSX.Element {
  const { found, trans } = props;
  switch (found.state) {
    case 'waiting':
      return <p className="jp-LLM-note">{trans.__('Searching…')}</p>;
    case 'refused':
      return (
        <p className="jp-LLM-failure" role="alert">
          {found.reason}
        </p>
      );
    case 'here':
      return found.value.length > 0 ? (
        <ul className="jp-LLM-list" aria-label={trans.__('Found on the Hub')}>
          {found.value.map(repo => (
            <Repo key={repo.id} {...props} repo={repo} />
          ))}
        </ul>
      ) : (
        <p className="jp-LLM-note" role="status">
          {trans.__('The Hub has no GGUF model of that name.')}
        </p>
      );
  }
}

function Repo(props: IHubProps & { repo: IHubRepo }): React.JSX.Element {
  const { repo, state, actions, trans } = props;
  const isUnfolded = state.unfolded.has(repo.id);
  const Caret = isUnfolded ? caretDownIcon : caretRightIcon;
  const facts = [
    trans.__('%1 downloads', formatCount(repo.downloads)),
    repo.licence,
    repo.gated && trans.__('needs permission')
  ];
  return (
    <li className="jp-LLM-row" data-repo={repo.id}>
      <button
        className="jp-LLM-unfold"
        data-focus={`repo ${repo.id}`}
        aria-expanded={isUnfolded}
        onClick={() => {
          actions.onToggleRepo(repo.id);
        }}
      >
        <Caret.react tag="span" className="jp-LLM-caret" />
        <span>
          <span className="jp-LLM-name">{repo.id}</span>
          <span className="jp-LLM-muted">
            {facts.filter(Boolean).join(' · ')}
          </span>
        </span>
      </button>
      {isUnfolded && (
        <Offers
          repoId={repo.id}
          offers={state.offers.get(repo.id) ?? { state: 'waiting' }}
          refusal={state.refusals.get(repo.id)}
          downloads={props.downloads}
          actions={actions}
          trans={trans}
        />
      )}
    </li>
  );
}
