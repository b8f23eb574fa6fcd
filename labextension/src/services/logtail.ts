import type { IServiceLogBody } from '../types';

/** Lines that are kept, and parts that are read at once: a log may be longer than that. */
const MAX_LINES = 200;
const MAX_PARTS = 50;

/** The last lines of a log that grows. */
export class LogTail {
  constructor(
    private readonly read: (offset: number) => Promise<IServiceLogBody>
  ) {}

  text = '';

  /** Read what has come since; rejects as the server does. */
  async follow(): Promise<void> {
    for (let part = 0; part < MAX_PARTS; part++) {
      const { logs, next_offset } = await this.read(this.offset);
      const hasMore = next_offset > this.offset;
      this.offset = next_offset;
      this.text = (this.text + logs).split('\n').slice(-MAX_LINES).join('\n');
      if (!hasMore) {
        return;
      }
    }
  }

  private offset = 0;
}
