import { Menu } from '@lumino/widgets';

import { CommandIDs } from '../commandids';

/** What can be done with a model wherever it is shown. */
export const MODEL_MENU: readonly string[] = [
  CommandIDs.load,
  CommandIDs.loadWithOptions,
  CommandIDs.switchTo,
  CommandIDs.unload,
  CommandIDs.deleteModel,
  CommandIDs.copyId
];

/** What else can be done with a model, below the button that asks for it. */
export class ModelMenu {
  constructor(options: Menu.IOptions) {
    this.menu = new Menu(options);
    this.menu.aboutToClose.connect(() => {
      this.button?.focus();
    });
  }

  /** The focus goes back to the button when the menu closes. */
  open(ids: readonly string[], model: string, button: HTMLElement): void {
    this.button = button;
    this.menu.clearItems();
    for (const command of ids) {
      this.menu.addItem({ command, args: { model } });
    }
    const { left, bottom } = button.getBoundingClientRect();
    this.menu.open(left, bottom);
    this.menu.activeIndex = this.menu.items.findIndex(item => item.isVisible);
  }

  private readonly menu: Menu;
  private button: HTMLElement | undefined;
}
