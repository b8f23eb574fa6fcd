import type { IModelManager } from '../tokens';
import type { ILabActions, IPanelActions } from './actions';
import type { PanelModel } from './model';

/** What the panel's buttons do; `lab` is what they can do in this place. */
export function actionsOn(
  manager: IModelManager,
  model: PanelModel,
  lab: ILabActions
): IPanelActions {
  return {
    ...lab,
    onRefresh: () => void manager.refresh(),
    onLoad: modelId => void model.load(modelId),
    onUnload: modelId => void manager.unload(modelId),
    onKeepAlive: (modelId, seconds) => void manager.keepAlive(modelId, seconds),
    onSubmitOptions: (modelId, options, remember) =>
      void model.submit(modelId, options, remember),
    onCloseOptions: () => {
      model.closeForm();
    },
    onDownload: (repoId, filename, load) =>
      void model.download(repoId, filename, load),
    onCancelDownload: id => void manager.cancelDownload(id),
    onDismissDownload: id => void manager.dismissDownload(id),
    onSearch: text => {
      model.find(text);
    },
    onToggleRepo: repoId => {
      model.toggleRepo(repoId);
    },
    onSuggest: () => void model.suggest(),
    onOpenSearch: () => {
      model.openSearch();
    },
    onToggleSection: name => {
      model.toggle(name);
    }
  };
}
