import type { IDownload } from './download';
import type { IMemoryBody } from './memory';
import type { IModelStatus, IRemovedModel } from './model';
import type { IService } from './service';

/**
 * Where a request of this user stands: 1 is the next one, 0 has its turn. `stream_id` is the
 * name that its client gave it, if it gave one.
 */
export interface IQueuePosition {
  request_id: string;
  model_id: string;
  position: number;
  stream_id: string;
}

interface IEvent<Kind extends string, Data> {
  type: Kind;
  /** Seconds since 1970. */
  at: number;
  data: Data;
  /** How many events right before this one were lost. */
  missed?: number;
}

/** What `llm/ws` tells. */
export type ServerEvent =
  | IEvent<'model', IModelStatus>
  | IEvent<'removed', IRemovedModel>
  | IEvent<'download', IDownload>
  | IEvent<'vram', IMemoryBody>
  | IEvent<'service', IService>
  | IEvent<'queue', IQueuePosition>;
