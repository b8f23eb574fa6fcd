import { ServerConnection } from '@jupyterlab/services';
import { nullTranslator } from '@jupyterlab/translation';
import * as React from 'react';
import { createRoot } from 'react-dom/client';

import { eventSocketOpener } from '../events';
import { KeysAPI } from '../keys/api';
import { KeysModel } from '../keys/model';
import { ModelManager } from '../manager/manager';
import { PanelModel } from '../panel/model';
import { DEFAULT_SETTINGS } from '../panel/settings';
import { actionsOn } from '../panel/wiring';
import { Requests } from '../requests';
import { RestAPI } from '../restapi';
import { ServicesAPI } from '../services/api';
import { ServicesModel } from '../services/model';
import { baseUrlOf } from './address';
import { AdminAPI } from './api';
import { menuOpener } from './menu';
import { AdminModel } from './model';
import { AdminPage, type IAdminPageProps } from './page';

/** What the page is made of; it lives as long as its document. */
function partsFor(settings: ServerConnection.ISettings): IAdminPageProps {
  const requests = new Requests(settings);
  const manager = new ModelManager(
    new RestAPI(requests),
    eventSocketOpener(settings)
  );
  const state = new PanelModel(manager);
  // the page greets an operator, who need not be told what to get
  state.use({ ...DEFAULT_SETTINGS, suggestions: [] });
  const trans = nullTranslator.load('jupyter_llm');
  const actions = actionsOn(manager, state, {
    onChat: null,
    onMenu: menuOpener(manager, state, trans)
  });
  return {
    manager,
    panel: {
      state,
      actions,
      services: new ServicesModel(new ServicesAPI(requests), manager)
    },
    admin: new AdminModel(
      new AdminAPI(requests),
      () => manager.snapshot.permissions.write
    ),
    keys: new KeysModel(new KeysAPI(requests)),
    trans
  };
}

/** Put the page into an element of the document at `llm/admin/`. */
function show(root: HTMLElement): void {
  const baseUrl = baseUrlOf(window.location.href);
  // the session's cookie says who asks; there is no token in the page
  const settings = ServerConnection.makeSettings({
    baseUrl,
    wsUrl: baseUrl.replace(/^http/, 'ws'),
    token: '',
    appendToken: false
  });
  const parts = partsFor(settings);
  parts.manager.watch();
  createRoot(root).render(<AdminPage {...parts} />);
}

const root = document.getElementById('jp-llm-admin');
if (root) {
  show(root);
}
