/** What a page has for questions and notices: JupyterLab's own, or a page's without JupyterLab. */
export interface IPageTools {
  /** Ask whether something is meant that cannot be undone; `accept` is on the button for it. */
  confirm(question: {
    title: string;
    body: string;
    accept: string;
  }): Promise<boolean>;
  /** Say that something is done. */
  tell(text: string): void;
  /** Say that something was not done; resolves when that is read. */
  refuse(title: string, reason: string): Promise<void>;
  copy(text: string): void;
}
