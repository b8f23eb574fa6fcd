import { managerPlugin } from './manager/plugin';
import { panelPlugin } from './panel/plugin';

export default [managerPlugin, panelPlugin];
