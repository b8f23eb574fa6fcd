import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

import type { OpenEventSocket } from '../events';
import { RestError } from '../requests';
import type { IRestAPI } from '../restapi';
import type { IModelManager, ISnapshot, LoadRequest, Problem } from '../tokens';
import type {
  IDownload,
  IHubRepo,
  ILoadOptions,
  IOffersBody,
  ISettingsBody,
  ModelState,
  ServerEvent
} from '../types';
import type { IPage } from './attention';
import { Connection } from './connection';
import { type IAnswers, Picture } from './picture';

const MAX_FOUND = 20;

/** Keeps one snapshot of the server, from its answers and then from its events. */
export class ModelManager implements IModelManager {
  constructor(
    private readonly api: IRestAPI,
    openSocket: OpenEventSocket,
    page?: IPage
  ) {
    this.connection = new Connection({
      openSocket,
      ask: () => this.ask(),
      onEvent: event => {
        this.hear(event);
      },
      onLive: isLive => {
        this.publish({ isLive });
      },
      page
    });
  }

  get snapshot(): ISnapshot {
    return this.current;
  }

  get changed(): ISignal<IModelManager, ISnapshot> {
    return this.changeSignal;
  }

  get heard(): ISignal<IModelManager, ServerEvent> {
    return this.eventSignal;
  }

  get isDisposed(): boolean {
    return this.connection.isDisposed;
  }

  dispose(): void {
    if (!this.isDisposed) {
      this.connection.dispose();
      Signal.clearData(this);
    }
  }

  watch(): IDisposable {
    return this.connection.watch();
  }

  refresh(): Promise<void> {
    return this.ask().catch(() => undefined); // the snapshot tells what went wrong
  }

  load(modelId: string, request?: LoadRequest): Promise<void> {
    return this.move(modelId, 'loading', () => this.api.load(modelId, request));
  }

  switchTo(modelId: string, request?: LoadRequest): Promise<void> {
    return this.move(modelId, 'loading', () =>
      this.api.switchTo(modelId, request)
    );
  }

  unload(modelId: string): Promise<void> {
    return this.move(modelId, 'unloading', () => this.api.unload(modelId));
  }

  search(text: string): Promise<IHubRepo[]> {
    return this.api.search(text, MAX_FOUND);
  }

  offers(repoId: string): Promise<IOffersBody> {
    return this.api.offers(repoId);
  }

  async download(
    repoId: string,
    options: { filename?: string; load?: boolean } = {}
  ): Promise<IDownload> {
    const download = await this.api.download(repoId, options.filename);
    if (options.load) {
      this.picture.downloads.loadWhenDone(download.id);
    }
    this.noteDownload(download);
    return download;
  }

  async keepAlive(modelId: string, seconds: number): Promise<void> {
    await this.api.load(modelId, { keep_alive: seconds });
    await this.refresh();
  }

  savedSettings(modelId: string): Promise<ISettingsBody> {
    return this.api.savedSettings(modelId);
  }

  saveOptions(modelId: string, options: Partial<ILoadOptions>): Promise<void> {
    return this.api.saveOptions(modelId, options);
  }

  async cancelDownload(downloadId: string): Promise<void> {
    this.noteDownload(await this.api.cancelDownload(downloadId));
  }

  async dismissDownload(downloadId: string): Promise<void> {
    this.noteDownload(await this.api.dismissDownload(downloadId));
  }

  async deleteModel(modelId: string): Promise<number> {
    const freedBytes = await this.api.deleteModel(modelId);
    await this.refresh();
    return freedBytes;
  }

  /** Show the move at once, make it, then show what came of it. */
  private async move(
    modelId: string,
    state: ModelState,
    act: () => Promise<void>
  ): Promise<void> {
    const move = this.picture.models.begin(modelId, state);
    this.publish({});
    const refusal = await act().then(() => null, messageOf);
    if (!this.picture.models.end(modelId, move)) {
      return; // another move took its place: an unload ends a load, for example
    }
    await this.refresh();
    if (refusal !== null) {
      this.picture.models.refuse(modelId, refusal);
      this.publish({});
    }
  }

  /** Ask for everything; what is told meanwhile is newer than the answers may be. */
  private async ask(): Promise<void> {
    const turn = ++this.lastTurn;
    this.heardMeanwhile = [];
    const answers = await this.answers().catch((reason: unknown) => {
      if (turn === this.lastTurn) {
        this.permissionsAsked = false; // the next server may decide otherwise
        this.publish({ asked: true, problem: problemOf(reason) });
      }
      throw reason; // so that the connection backs off
    });
    if (turn !== this.lastTurn) {
      return;
    }
    this.picture.draw(answers, this.heardMeanwhile);
    this.publish({
      asked: true,
      problem: null,
      modelsDirs: answers.models.models_dirs,
      activeId: answers.models.active?.id ?? ''
    });
    this.loadArrived();
  }

  private async answers(): Promise<IAnswers> {
    if (!this.permissionsAsked) {
      const permissions = await this.api.permissions();
      this.permissionsAsked = true;
      this.publish({ permissions });
    }
    const [models, memory, downloads] = await Promise.all([
      this.api.listModels(),
      this.api.readMemory(),
      this.api.listDownloads()
    ]);
    return { models, memory, downloads };
  }

  private hear(event: ServerEvent): void {
    this.heardMeanwhile.push(event);
    if (event.missed || !this.picture.apply(event)) {
      void this.refresh();
    }
    this.eventSignal.emit(event);
    this.publish({});
  }

  private noteDownload(download: IDownload): void {
    if (this.picture.downloads.note(download)) {
      void this.refresh();
    }
    this.publish({});
  }

  /** Load what was downloaded in order to be loaded. */
  private loadArrived(): void {
    for (const { path } of this.picture.downloads.takeArrived()) {
      const entry = this.picture.models.entries.find(
        ({ model }) => model.path === path
      );
      void this.load(entry?.model.id ?? path);
    }
  }

  private publish(news: Partial<ISnapshot>): void {
    if (this.isDisposed) {
      return;
    }
    this.current = { ...this.current, ...news, ...this.picture.parts };
    this.connection.isBusy = this.picture.isMoving;
    this.changeSignal.emit(this.current);
  }

  private readonly connection: Connection;
  private readonly picture = new Picture();
  private readonly changeSignal = new Signal<IModelManager, ISnapshot>(this);
  private readonly eventSignal = new Signal<IModelManager, ServerEvent>(this);
  private heardMeanwhile: ServerEvent[] = [];
  private lastTurn = 0;
  private permissionsAsked = false;
  private current: ISnapshot = {
    asked: false,
    isLive: false,
    problem: null,
    permissions: { read: false, execute: false, write: false },
    models: [],
    modelsDirs: [],
    devices: [],
    memory: [],
    history: [],
    speeds: new Map(),
    activeId: '',
    downloads: [],
    refusals: new Map()
  };
}

function problemOf(reason: unknown): Problem {
  const status = reason instanceof RestError ? reason.status : 0;
  if (status === 401 || status === 403) {
    return 'forbidden';
  }
  return status === 404 ? 'missing' : 'offline';
}

function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
