import { chatPlugin } from './chat/plugin';
import { completionPlugin } from './completion/plugin';
import { managerPlugin } from './manager/plugin';
import { panelPlugin } from './panel/plugin';
import { runningPlugin } from './running/plugin';
import { statusPlugin } from './statusbar/plugin';

export default [
  managerPlugin,
  panelPlugin,
  chatPlugin,
  completionPlugin,
  runningPlugin,
  statusPlugin
];
