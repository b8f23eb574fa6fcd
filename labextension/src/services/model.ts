import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

import type { IModelManager } from '../tokens';
import type { IRecipe, IService, ServerEvent } from '../types';
import type { IServiceRequest, IServicesAPI } from './api';
import { LogTail } from './logtail';

/** One picture of the services; replaced, never changed. */
export interface IServicesState {
  /** Whether the server has answered yet. */
  readonly isKnown: boolean;
  /** Those that go on first, the newest of each first. */
  readonly services: readonly IService[];
  readonly recipes: readonly IRecipe[];
  /** Why the last request was refused; empty if it was not. */
  readonly problem: string;
}

const GOING = ['pending', 'configuring', 'running'];

/** Whether the job of a service has not ended. */
export function isGoing({ state }: IService): boolean {
  return GOING.includes(state);
}

/** Knows the services of this user; starts and stops them. No method rejects. */
export class ServicesModel implements IDisposable {
  constructor(
    private readonly api: IServicesAPI,
    private readonly manager: Pick<IModelManager, 'heard'>
  ) {
    this.manager.heard.connect(this.hear);
  }

  get state(): IServicesState {
    return this.current;
  }

  get changed(): ISignal<ServicesModel, IServicesState> {
    return this.signal;
  }

  get isDisposed(): boolean {
    return this.disposed;
  }

  dispose(): void {
    this.disposed = true;
    this.manager.heard.disconnect(this.hear);
    Signal.clearData(this);
  }

  async refresh(): Promise<void> {
    await this.attempt(async () => {
      const [services, recipes] = await Promise.all([
        this.api.list(),
        this.api.recipes()
      ]);
      this.publish({ isKnown: true, services: inOrder(services), recipes });
    });
  }

  /** Resolves to whether it was begun. */
  start(request: IServiceRequest): Promise<boolean> {
    return this.attempt(async () => {
      this.note(await this.api.start(request));
    });
  }

  async stop(serviceId: string): Promise<void> {
    await this.attempt(() => this.api.cancel(serviceId));
  }

  /** What a service writes, from its last lines on. */
  tail(serviceId: string): LogTail {
    return new LogTail(offset => this.api.log(serviceId, offset));
  }

  private readonly hear = (_: unknown, event: ServerEvent): void => {
    if (event.type === 'service' && this.current.isKnown) {
      this.note(event.data);
    }
  };

  private note(service: IService): void {
    const others = this.current.services.filter(({ id }) => id !== service.id);
    this.publish({ services: inOrder([...others, service]) });
  }

  private async attempt(act: () => Promise<void>): Promise<boolean> {
    try {
      await act();
      this.publish({ problem: '' });
      return true;
    } catch (reason) {
      this.publish({
        problem: reason instanceof Error ? reason.message : String(reason)
      });
      return false;
    }
  }

  private publish(news: Partial<IServicesState>): void {
    if (!this.disposed) {
      this.current = { ...this.current, ...news };
      this.signal.emit(this.current);
    }
  }

  private disposed = false;
  private readonly signal = new Signal<ServicesModel, IServicesState>(this);
  private current: IServicesState = {
    isKnown: false,
    services: [],
    recipes: [],
    problem: ''
  };
}

function inOrder(services: readonly IService[]): IService[] {
  return [...services].sort(
    (one, other) =>
      Number(isGoing(other)) - Number(isGoing(one)) ||
      other.created_at - one.created_at
  );
}
