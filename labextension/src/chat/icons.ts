import { LabIcon } from '@jupyterlab/ui-components';

function icon(name: string, paths: string): LabIcon {
  return new LabIcon({
    name: `@jupyter-llm/labextension:${name}`,
    svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <g class="jp-icon3" fill="#616161">${paths}</g>
</svg>`
  });
}

/** Two speech bubbles. */
export const chatIcon = icon(
  'chat',
  '<path class="jp-icon-selectable" d="M3 3h13a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1H7l-4 3.5V4a1 1 0 0 1 0-1zm1.6 1.8v9l1.7-1.6h8.9V4.8zM18.5 8H20a1 1 0 0 1 1 1v12.5L17.3 18H9a1 1 0 0 1-1-1v-1.4h10.5z"/>'
);

/** An arrow up: send. */
export const sendIcon = icon(
  'send',
  '<path d="M12 4.2 5.2 11l1.5 1.5 4.2-4.2V20h2.2V8.3l4.2 4.2 1.5-1.5z"/>'
);

/** A cell with an arrow into it. */
export const replaceIcon = icon(
  'replace-cell',
  '<path d="M3 5h18v6h-2V7H5v10h6v2H3zm14.5 8v4.2l1.6-1.6 1.4 1.4-4 4-4-4 1.4-1.4 1.6 1.6V13z"/>'
);

/** A sheet with a plus: begin a conversation. */
export const newChatIcon = icon(
  'new-chat',
  '<path d="M4 4h9v2H6v12h12v-7h2v9H4zm13-1h2v3h3v2h-3v3h-2V8h-3V6h3z"/>'
);

/** Three sliders: how the model answers. */
export const slidersIcon = icon(
  'sliders',
  '<path d="M3 6h9v2H3zm14 0h4v2h-4zM13 4.5h3v5h-3zM3 16h4v2H3zm9 0h9v2h-9zM8 14.5h3v5H8zM3 11h12v2H3zm17 0h1v2h-1zM16 9.500h3v5h-3z"/>'
);

/** A paper clip: attach something of the notebook. */
export const attachIcon = icon(
  'attach',
  '<path d="M16.5 6v10.500a4.500 4.500 0 0 1-9 0V5.500a3 3 0 0 1 6 0V15a1.500 1.500 0 0 1-3 0V6.500H9V15a3 3 0 0 0 6 0V5.500a4.500 4.500 0 0 0-9 0v11a6 6 0 0 0 12 0V6z"/>'
);
