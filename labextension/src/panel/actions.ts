import type { ILoadOptions } from '../types';

/** What the place around the panel can do; `null` where it cannot. */
export interface ILabActions {
  onChat: ((modelId: string) => void) | null;
  /** Show what else can be done, below the button that was pressed. */
  onMenu: ((modelId: string, button: HTMLElement) => void) | null;
}

/** What the panel lets a person do; models and downloads are named by their ids. */
export interface IPanelActions extends ILabActions {
  onRefresh: () => void;
  onLoad: (modelId: string) => void;
  onUnload: (modelId: string) => void;
  onKeepAlive: (modelId: string, seconds: number) => void;
  /** Load a model as the form says; `remember` is for every load to come. */
  onSubmitOptions: (
    modelId: string,
    request: Partial<ILoadOptions>,
    remember: boolean
  ) => void;
  onCloseOptions: () => void;
  onDownload: (repoId: string, filename: string, load: boolean) => void;
  onCancelDownload: (downloadId: string) => void;
  /** Delete what has come, and forget the download. */
  onDismissDownload: (downloadId: string) => void;
  onSearch: (text: string) => void;
  onToggleRepo: (repoId: string) => void;
  /** Find out what there is of the suggested models. */
  onSuggest: () => void;
  onOpenSearch: () => void;
  onToggleSection: (name: string) => void;
}
