import { URLExt } from '@jupyterlab/coreutils';
import type { ServerConnection } from '@jupyterlab/services';

import type { ServerEvent } from './types';

/** One connection to the server's events. */
export interface IEventSocket {
  close(): void;
}

/** What a connection reports. */
export interface IEventSocketListener {
  onEvent(event: ServerEvent): void;
  /** It has ended, for whatever reason but `close()`. */
  onEnd(): void;
}

/** Opens a connection; resolves once the server sends, rejects if it will not. */
export type OpenEventSocket = (
  listener: IEventSocketListener
) => Promise<IEventSocket>;

const KINDS = ['model', 'removed', 'download', 'vram', 'queue', 'service'];
const OPEN_TIMEOUT_MS = 5000;

/** Connects to `llm/ws` of this server. */
export function eventSocketOpener(
  settings: ServerConnection.ISettings
): OpenEventSocket {
  return listener =>
    new Promise((resolve, reject) => {
      const socket = new settings.WebSocket(urlOf(settings));
      let isOpen = false;
      const close = (): void => {
        socket.onmessage = socket.onclose = null;
        socket.close();
      };
      const timer = setTimeout(() => {
        close();
        reject(new Error('The server sent no events.'));
      }, OPEN_TIMEOUT_MS);
      socket.onmessage = ({ data }: MessageEvent<string>) => {
        const message = JSON.parse(data) as ServerEvent | IAnswer;
        if ('data' in message) {
          listener.onEvent(message);
        } else if (!isOpen) {
          isOpen = true;
          clearTimeout(timer);
          socket.send(JSON.stringify({ subscribe: KINDS }));
          resolve({ close });
        }
      };
      socket.onclose = () => {
        clearTimeout(timer);
        if (isOpen) {
          listener.onEnd();
        } else {
          reject(new Error('The server refused to send events.'));
        }
      };
    });
}

/** What the server says of a subscription. */
interface IAnswer {
  type: 'subscribed' | 'error';
}

function urlOf(settings: ServerConnection.ISettings): string {
  const url = URLExt.join(settings.wsUrl, 'llm/ws');
  return settings.appendToken && settings.token
    ? `${url}?token=${encodeURIComponent(settings.token)}`
    : url;
}
