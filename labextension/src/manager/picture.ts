import type { ISnapshot } from '../tokens';
import type {
  IDownload,
  IMemoryBody,
  IModelsBody,
  ServerEvent
} from '../types';
import { Devices } from './devices';
import { Downloads, isRunning } from './downloads';
import { isMoving, Models } from './models';
import { Speeds } from './speeds';

/** What the server answers when it is asked for everything. */
export interface IAnswers {
  models: IModelsBody;
  memory: IMemoryBody;
  downloads: IDownload[];
}

/** What is known of models, downloads and memory, from answers and from events. */
export class Picture {
  readonly models = new Models();
  readonly downloads = new Downloads();

  /** Draw all of it anew; what was told meanwhile is newer than the answers may be. */
  draw(answers: IAnswers, heardMeanwhile: readonly ServerEvent[]): void {
    this.models.list(answers.models.data);
    this.downloads.list(answers.downloads);
    heardMeanwhile.forEach(event => {
      this.apply(event);
    });
    this.devices.note(Date.now() / 1000, answers.memory);
  }

  /** Returns false where the event tells of something that has to be asked for. */
  apply(event: ServerEvent): boolean {
    this.speeds.pass(event.at);
    switch (event.type) {
      case 'model':
        this.speeds.note(event.at, event.data);
        return this.models.note(event.data);
      case 'removed':
        return false; // with it went downloads, a name, perhaps the one that was the default
      case 'download':
        return !this.downloads.note(event.data);
      case 'vram':
        this.devices.note(event.at, event.data);
    }
    return true;
  }

  /** Its parts of a snapshot. */
  get parts(): Pick<
    ISnapshot,
    | 'models'
    | 'refusals'
    | 'downloads'
    | 'devices'
    | 'memory'
    | 'history'
    | 'speeds'
  > {
    return {
      ...this.devices.now,
      models: this.models.entries,
      refusals: this.models.refusals,
      downloads: this.downloads.all,
      history: this.devices.history,
      speeds: this.speeds.byModel
    };
  }

  /** Whether something is on its way into memory, out of it, or here. */
  get isMoving(): boolean {
    return (
      this.models.entries.some(isMoving) || this.downloads.all.some(isRunning)
    );
  }

  private readonly devices = new Devices();
  private readonly speeds = new Speeds();
}
