import type { IModelManager } from '../tokens';
import type { ServerEvent } from '../types';
import type { IAnswer } from './tokens';

/** Where answers that wait for their turn stand, by the names of their streams. */
export class QueuePlaces {
  constructor(manager: Pick<IModelManager, 'heard'>) {
    manager.heard.connect((_, event) => {
      this.hear(event);
    });
  }

  /** 1 is the next one; 0 where nothing is known, or it is its turn. */
  of(answer: IAnswer | undefined): number {
    return (answer && this.places.get(answer.streamId)) ?? 0;
  }

  private hear(event: ServerEvent): void {
    if (event.missed) {
      this.places.clear();
    }
    if (event.type === 'queue') {
      const { stream_id, position } = event.data;
      if (position > 0) {
        this.places.set(stream_id, position);
      } else {
        this.places.delete(stream_id);
      }
    }
  }

  private readonly places = new Map<string, number>();
}
