const KEY = 'jupyter-llm-chat';

/** Remembers, in this tab alone and over reloads, which conversation is open. */
export function tabPlace(baseUrl: string): {
  get: () => string;
  set: (id: string) => void;
} {
  const key = `${KEY}:${baseUrl}`;
  return {
    get: () => sessionStorage.getItem(key) ?? '',
    set: id => {
      sessionStorage.setItem(key, id);
    }
  };
}
