import type { TranslationBundle } from '@jupyterlab/translation';
import { listIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { newChatIcon, slidersIcon } from '../icons';
import { IconButton } from './icon_button';

/** What is open beside the conversation. */
export type Drawer = 'none' | 'list' | 'sampling';

/** The title of the conversation, and the ways to others and to its settings. */
export function Header(props: {
  title: string;
  drawer: Drawer;
  onDrawer: (drawer: Drawer) => void;
  onNew: () => void;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { drawer, onDrawer, trans } = props;
  const toggle = (name: Drawer) => () => {
    onDrawer(drawer === name ? 'none' : name);
  };
  return (
    <header className="jp-LLM-chat-header">
      <IconButton
        icon={listIcon}
        label={trans.__('Conversations')}
        isExpanded={drawer === 'list'}
        onClick={toggle('list')}
      />
      <h2 title={props.title}>{props.title || trans.__('New chat')}</h2>
      <IconButton
        icon={slidersIcon}
        label={trans.__('How the model answers')}
        isExpanded={drawer === 'sampling'}
        onClick={toggle('sampling')}
      />
      <IconButton
        icon={newChatIcon}
        label={trans.__('New chat')}
        onClick={props.onNew}
      />
    </header>
  );
}
