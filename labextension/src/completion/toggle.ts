import type { ISettingRegistry } from '@jupyterlab/settingregistry';

/** Where JupyterLab keeps what people decide about inline completions. */
const INLINE_COMPLETER = '@jupyterlab/completer-extension:inline-completer';

type Providers = Record<string, Record<string, unknown>>;

/** Switch a provider on, or off if it is on. */
export async function toggleProvider(
  registry: ISettingRegistry,
  identifier: string
): Promise<void> {
  const settings = await registry.load(INLINE_COMPLETER);
  const { composite, user } = settings.get('providers') as {
    composite: Providers | undefined;
    user: Providers | undefined;
  };
  const enabled = composite?.[identifier]?.enabled !== true;
  await settings.set('providers', {
    ...user,
    [identifier]: { ...user?.[identifier], enabled }
  } as Parameters<typeof settings.set>[1]);
}
