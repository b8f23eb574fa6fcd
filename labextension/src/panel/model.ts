import type { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';

import type { IModelManager, LoadRequest } from '../tokens';
import type {
  IHubRepo,
  ILoadOptions,
  IOffersBody,
  ISettingsBody
} from '../types';
import { type IPanelSettings, DEFAULT_SETTINGS } from './settings';

/** Something that was asked for: on its way, here, or refused with a reason. */
export type Asked<T> =
  | { readonly state: 'waiting' }
  | { readonly state: 'here'; readonly value: T }
  | { readonly state: 'refused'; readonly reason: string };

/** What the panel shows beside the snapshot: what is open, and what the Hub has answered. */
export class PanelModel implements IDisposable {
  constructor(private readonly manager: IModelManager) {}

  readonly stateChanged = new Signal<this, void>(this);

  settings: IPanelSettings = DEFAULT_SETTINGS;
  /** Sections that are folded; these are opened by who wants something of them. */
  readonly folded = new Set(['hub', 'services', 'keys']);
  /** The model whose load options are being chosen, and what was saved for it. */
  form: { modelId: string; saved: Asked<ISettingsBody> } | null = null;
  /** What was looked for last. */
  search: { text: string; found: Asked<IHubRepo[]> } | null = null;
  /** What repositories have, by their names. */
  readonly offers = new Map<string, Asked<IOffersBody>>();
  /** The repositories of the search that are unfolded. */
  readonly unfolded = new Set<string>();
  /** Why the last download could not begin, by the name of its repository. */
  readonly refusals = new Map<string, string>();

  /** What is to have the focus. */
  readonly wanted = { focus: '' };

  get isDisposed(): boolean {
    return this.disposed;
  }

  dispose(): void {
    this.disposed = true;
    Signal.clearData(this);
  }

  use(settings: IPanelSettings): void {
    this.settings = settings;
    this.stateChanged.emit();
  }

  toggle(section: string): void {
    toggle(this.folded, section);
    this.stateChanged.emit();
  }

  /** Show the search, ready to be typed into. */
  openSearch(): void {
    this.folded.delete('hub');
    this.wanted.focus = 'hub search';
    this.stateChanged.emit();
  }

  openForm(modelId: string): void {
    void this.ask(this.manager.savedSettings(modelId), saved => {
      if (saved.state === 'waiting' || this.form?.modelId === modelId) {
        this.form = { modelId, saved };
      }
    });
  }

  closeForm(): void {
    this.form = null;
    this.stateChanged.emit();
  }

  find(text: string): void {
    this.search = null;
    void this.ask(this.manager.search(text), found => {
      if (found.state === 'waiting' || this.search?.text === text) {
        this.search = { text, found };
      }
    });
  }

  toggleRepo(repoId: string): void {
    toggle(this.unfolded, repoId);
    void this.describe(repoId);
    this.stateChanged.emit();
  }

  /** Load a model as the person's settings and what was saved for it say. */
  async load(modelId: string): Promise<void> {
    const request = await this.usualRequest(modelId);
    await this.manager.load(modelId, request);
  }

  /** Load a model, anew if it is in memory; `remember` is for every load to come. */
  async submit(
    modelId: string,
    options: Partial<ILoadOptions>,
    remember: boolean
  ): Promise<void> {
    this.closeForm();
    if (remember) {
      await this.manager.saveOptions(modelId, options).catch(() => undefined);
    }
    const { models } = this.manager.snapshot;
    const entry = models.find(({ model }) => model.id === modelId);
    await (entry?.state === 'ready'
      ? this.manager.switchTo(modelId, options)
      : this.manager.load(modelId, options));
  }

  /** The person's own load options, but for those that were saved for this model. */
  private async usualRequest(
    modelId: string
  ): Promise<LoadRequest | undefined> {
    const { loadOptions } = this.settings;
    if (Object.keys(loadOptions).length === 0) {
      return undefined;
    }
    const { options } = await this.manager
      .savedSettings(modelId)
      .catch(() => ({ options: {} }));
    const open = Object.entries(loadOptions).filter(
      ([name]) => !(name in options)
    );
    return Object.fromEntries(open);
  }

  /** Find out what there is of the suggested models, until the Hub cannot be asked. */
  async suggest(): Promise<void> {
    for (const { repo_id } of this.settings.suggestions) {
      if (!(await this.describe(repo_id))) {
        return;
      }
    }
  }

  async download(
    repoId: string,
    filename: string,
    load: boolean
  ): Promise<void> {
    this.refusals.delete(repoId);
    try {
      await this.manager.download(repoId, { filename, load });
    } catch (reason) {
      this.refusals.set(repoId, reasonOf(reason));
    }
    this.stateChanged.emit();
  }

  private disposed = false;

  /** Returns false if the Hub cannot be asked; that it has no such repository is an answer. */
  private async describe(repoId: string): Promise<boolean> {
    if ((this.offers.get(repoId)?.state ?? 'refused') !== 'refused') {
      return true;
    }
    const reason = await this.ask(this.manager.offers(repoId), answer => {
      this.offers.set(repoId, answer);
    });
    return !isOutOfReach(reason);
  }

  /** Returns why it was refused, if it was. */
  private async ask<T>(
    answer: Promise<T>,
    note: (asked: Asked<T>) => void
  ): Promise<unknown> {
    let refusal: unknown;
    note({ state: 'waiting' });
    this.stateChanged.emit();
    try {
      note({ state: 'here', value: await answer });
    } catch (reason) {
      refusal = reason;
      note({ state: 'refused', reason: reasonOf(reason) });
    }
    this.stateChanged.emit();
    return refusal;
  }
}

function toggle<T>(set: Set<T>, item: T): void {
  if (!set.delete(item)) {
    set.add(item);
  }
}

function reasonOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}

function isOutOfReach(reason: unknown): boolean {
  return reason instanceof Error && 'code' in reason
    ? reason.code === 'hub_error'
    : reason !== undefined;
}
