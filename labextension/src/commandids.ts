import type { IPermissions, ISnapshot } from './tokens';

/** The commands of the panel; those on one model take its id as `model`. */
export namespace CommandIDs {
  export const showPanel = 'llm:show-panel';
  export const search = 'llm:search';
  export const refresh = 'llm:refresh';
  export const insertExample = 'llm:insert-example';
  export const load = 'llm:load';
  export const loadWithOptions = 'llm:load-with-options';
  export const switchTo = 'llm:switch';
  export const unload = 'llm:unload';
  export const deleteModel = 'llm:delete';
  export const copyId = 'llm:copy-id';
}

/** Whether this user may do something; yes, until the server was asked. */
export function may(action: keyof IPermissions, snapshot: ISnapshot): boolean {
  return !snapshot.asked || snapshot.permissions[action];
}
