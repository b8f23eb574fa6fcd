import type { IMemorySample } from '../tokens';
import type { IDevice, IModelMemory } from '../types';

/** A part of a device's memory; `id` is a model's, or empty. */
export interface IShare {
  readonly kind: 'model' | 'server' | 'neighbours' | 'others';
  readonly id: string;
  readonly bytes: number;
}

/**
 * Whose the used memory of a device is: models of this server, what else it takes, the
 * models of other notebook servers, and everybody else.
 *
 * The server tells what a model takes, not on which device: models lie on the GPUs if
 * this server takes any of theirs, in the proportion in which it does.
 */
export function sharesOf(
  device: IDevice,
  { devices, memory }: Omit<IMemorySample, 'at'>
): IShare[] {
  const { own_bytes, other_servers_bytes, used_bytes } = device;
  const part = partOfModels(device, devices);
  const models = withinOwn(
    memory.map(({ id, total_bytes }) => ({
      kind: 'model',
      id,
      bytes: total_bytes * part
    })),
    own_bytes
  );
  const others = used_bytes - own_bytes - other_servers_bytes;
  const rest: IShare[] = [
    { kind: 'server', id: '', bytes: own_bytes - sum(models) },
    { kind: 'neighbours', id: '', bytes: other_servers_bytes },
    { kind: 'others', id: '', bytes: others }
  ];
  return [...models, ...rest].filter(({ bytes }) => bytes > 0);
}

/** A number for each model that was ever seen: its colour, as long as others come and go. */
export function coloursOf(
  history: readonly IMemorySample[],
  memory: readonly IModelMemory[]
): Map<string, number> {
  const colours = new Map<string, number>();
  for (const one of [...history.map(sample => sample.memory), memory]) {
    for (const { id } of one) {
      colours.set(id, colours.get(id) ?? colours.size);
    }
  }
  return colours;
}

function partOfModels(device: IDevice, devices: readonly IDevice[]): number {
  const gpus = devices.filter(({ kind, own_bytes }) => {
    return kind !== 'cpu' && own_bytes > 0;
  });
  if (gpus.length === 0) {
    return device.kind === 'cpu' ? 1 : 0;
  }
  const total = gpus.reduce((bytes, { own_bytes }) => bytes + own_bytes, 0);
  return device.kind === 'cpu' ? 0 : device.own_bytes / total;
}

/** Pages that were not read yet are not in memory: all models together take what there is. */
function withinOwn(shares: IShare[], own_bytes: number): IShare[] {
  const factor = Math.min(1, own_bytes / Math.max(1, sum(shares)));
  return shares.map(share => ({ ...share, bytes: share.bytes * factor }));
}

function sum(shares: readonly IShare[]): number {
  return shares.reduce((bytes, share) => bytes + share.bytes, 0);
}
