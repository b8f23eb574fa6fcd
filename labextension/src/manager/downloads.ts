import type { DownloadState, IDownload } from '../types';

const RANK: Record<DownloadState, number> = {
  running: 0,
  queued: 1,
  failed: 2,
  cancelled: 3,
  done: 4,
  dismissed: 5
};

/** What is on its way from the Hub, and what is to be loaded when it is here. */
export class Downloads {
  /** Those on their way first, then those that can be gone on with. */
  all: readonly IDownload[] = [];

  list(downloads: readonly IDownload[]): void {
    this.all = inOrder(downloads);
  }

  /** Returns whether this download has just ended well. */
  note(download: IDownload): boolean {
    const before = this.all.find(({ id }) => id === download.id);
    const others = this.all.filter(({ id }) => id !== download.id);
    const isGone = download.state === 'dismissed';
    this.all = inOrder(isGone ? others : [...others, download]);
    if (isGone || hasEnded(download)) {
      this.toLoad.delete(download.id);
    }
    return download.state === 'done' && before?.state !== 'done';
  }

  /** Have the model loaded when it is here. */
  loadWhenDone(downloadId: string): void {
    this.toLoad.add(downloadId);
  }

  /** Those that are here and were to be loaded; each is returned once. */
  takeArrived(): IDownload[] {
    const arrived = this.all.filter(
      ({ id, state }) => state === 'done' && this.toLoad.has(id)
    );
    for (const { id } of arrived) {
      this.toLoad.delete(id);
    }
    return arrived;
  }

  private readonly toLoad = new Set<string>();
}

/** Whether a download is on its way. */
export function isRunning({ state }: IDownload): boolean {
  return state === 'queued' || state === 'running';
}

function hasEnded({ state }: IDownload): boolean {
  return state === 'cancelled' || state === 'failed';
}

function inOrder(downloads: readonly IDownload[]): IDownload[] {
  return [...downloads].sort(
    (one, other) =>
      RANK[one.state] - RANK[other.state] ||
      one.repo_id.localeCompare(other.repo_id)
  );
}
