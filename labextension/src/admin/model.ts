import type { IDisposable } from '@lumino/disposable';
import { Poll } from '@lumino/polling';
import { type ISignal, Signal } from '@lumino/signaling';

import type {
  IServer,
  IServerStatus,
  IUsageSeries,
  IUsageSummary,
  IUsedModel,
  IUserUsage
} from '../types';
import type { IAdminAPI, UsageStep } from './api';

const INTERVAL_MS = 10_000;
const MAX_MS = 60_000;

/** What the page shows beside the models; replaced, never changed. */
export interface IOverview {
  readonly status: IServerStatus;
  readonly usedModels: readonly IUsedModel[];
  readonly servers: readonly IServer[];
  /** `null` where it cannot be counted. */
  readonly usage: IUsage | null;
}

/** What was asked within the hours that are looked back over. */
export interface IUsage {
  readonly span: ISpan;
  readonly summary: IUsageSummary;
  readonly series: IUsageSeries;
  /** `null` for who may not see them. */
  readonly users: readonly IUserUsage[] | null;
}

/** How far to look back, in steps that are few enough to be seen. */
export interface ISpan {
  readonly hours: number;
  readonly step: UsageStep;
}

export const SPANS: readonly ISpan[] = [
  { hours: 24, step: 'hour' },
  { hours: 7 * 24, step: 'day' },
  { hours: 30 * 24, step: 'day' }
];

/**
 * Asks for what no event tells: use, other servers, engines. Not while nobody sees the
 * page, and with back-off while the server is away.
 */
export class AdminModel implements IDisposable {
  /** `mayWrite` tells whether this user may see what others do. */
  constructor(
    private readonly api: IAdminAPI,
    private readonly mayWrite: () => boolean
  ) {
    this.poll = new Poll({
      name: '@jupyter-llm/labextension:admin',
      factory: () => this.ask(),
      frequency: { interval: INTERVAL_MS, backoff: true, max: MAX_MS },
      standby: 'when-hidden'
    });
  }

  /** The last answer; `null` before the first one. */
  get overview(): IOverview | null {
    return this.current;
  }

  get changed(): ISignal<AdminModel, void> {
    return this.signal;
  }

  get isDisposed(): boolean {
    return this.poll.isDisposed;
  }

  /** Look back so far from now on. */
  lookBack(span: ISpan): void {
    this.span = span;
    void this.poll.refresh();
  }

  dispose(): void {
    this.poll.dispose();
    Signal.clearData(this);
  }

  private async ask(): Promise<void> {
    const [status, usedModels, servers, usage] = await Promise.all([
      this.api.status(),
      this.api.usedModels(),
      this.api.servers(),
      this.askUsage().catch(() => null) // the status says why
    ]);
    this.current = { status, usedModels, servers, usage };
    this.signal.emit();
  }

  private async askUsage(): Promise<IUsage> {
    const { span } = this;
    const [summary, series, users] = await Promise.all([
      this.api.summary(span.hours),
      this.api.series(span.hours, span.step),
      this.mayWrite() ? this.api.users(span.hours) : null
    ]);
    return { span, summary, series, users };
  }

  private span: ISpan = { hours: 24, step: 'hour' };
  private current: IOverview | null = null;
  private readonly signal = new Signal<AdminModel, void>(this);
  private readonly poll: Poll;
}
