import { LabIcon } from '@jupyterlab/ui-components';

/** A speech bubble with a spark. */
export const llmIcon = new LabIcon({
  name: '@jupyter-llm/labextension:icon',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <g class="jp-icon3 jp-icon-selectable" fill="#616161">
    <path d="M4 3a2 2 0 0 0-2 2v11a2 2 0 0 0 2 2h3v4l5-4h8a2 2 0 0 0 2-2V5a2 2 0 0 0-2-2zm0 2h16v11h-8.7L9 17.84V16H4z"/>
    <path d="M12 5.5c.5 3 1.8 4.4 5 5-3.2.6-4.5 2-5 5-.5-3-1.8-4.4-5-5 3.2-.6 4.5-2 5-5z"/>
  </g>
</svg>`
});
