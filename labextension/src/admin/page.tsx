import type { TranslationBundle } from '@jupyterlab/translation';
import { UseSignal } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { KeysModel } from '../keys/model';
import { Keys } from '../keys/section';
import type { IPanelActions } from '../panel/actions';
import type { PanelModel } from '../panel/model';
import { PanelView } from '../panel/view';
import type { ServicesModel } from '../services/model';
import type { IModelManager } from '../tokens';
import { About } from './about';
import type { AdminModel, IOverview, ISpan } from './model';
import { Servers } from './servers';
import { Usage } from './usage';
import { Use } from './use';

export interface IAdminPageProps {
  manager: IModelManager;
  panel: {
    state: PanelModel;
    actions: IPanelActions;
    services: ServicesModel;
  };
  admin: AdminModel;
  keys: KeysModel;
  trans: TranslationBundle;
}

/** The models of the panel, and beside them what an operator wants to know. */
export function AdminPage(props: IAdminPageProps): React.JSX.Element {
  const { manager, panel, admin, trans } = props;
  return (
    <>
      <header className="jp-LLM-admin-header">
        <h1>{trans.__('Language models of this server')}</h1>
      </header>
      <main className="jp-LLM-admin-columns">
        <UseSignal signal={manager.changed} initialArgs={manager.snapshot}>
          {() => (
            <>
              <section className="jp-LLM-panel">
                <UseSignal signal={panel.state.stateChanged}>
                  {() => (
                    <PanelView
                      snapshot={manager.snapshot}
                      trans={trans}
                      {...panel}
                    />
                  )}
                </UseSignal>
              </section>
              <div>
                <UseSignal signal={admin.changed}>
                  {() => (
                    <Overview
                      overview={admin.overview}
                      onLookBack={span => {
                        admin.lookBack(span);
                      }}
                      trans={trans}
                    />
                  )}
                </UseSignal>
                {manager.snapshot.permissions.write && (
                  <Section title={trans.__('API keys')}>
                    <Keys model={props.keys} trans={trans} />
                  </Section>
                )}
              </div>
            </>
          )}
        </UseSignal>
      </main>
    </>
  );
}

function Overview(props: {
  overview: IOverview | null;
  onLookBack: (span: ISpan) => void;
  trans: TranslationBundle;
}): React.JSX.Element | null {
  const { overview, trans } = props;
  return (
    overview && (
      <>
        {overview.usage && (
          <Section title={trans.__('Requests')}>
            <Usage
              usage={overview.usage}
              onLookBack={props.onLookBack}
              trans={trans}
            />
          </Section>
        )}
        <Section title={trans.__('Use')}>
          <Use models={overview.usedModels} trans={trans} />
        </Section>
        <Section title={trans.__('Memory by user')}>
          <Servers servers={overview.servers} trans={trans} />
        </Section>
        <Section title={trans.__('Server')}>
          <About status={overview.status} trans={trans} />
        </Section>
      </>
    )
  );
}

function Section(props: {
  title: string;
  children: React.ReactNode;
}): React.JSX.Element {
  return (
    <section className="jp-LLM-admin-section">
      <h2>{props.title}</h2>
      {props.children}
    </section>
  );
}
