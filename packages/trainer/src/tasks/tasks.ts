/** The applications by name. Each has a folder here and a line in this table. */
import { anomaly } from './anomaly/task.js';
import { forecast } from './forecast/task.js';
import { sentiment } from './sentiment/task.js';
import { speech } from './speech/task.js';
import { tagging } from './tagging/task.js';
import type { Task } from './task.js';
import type { TaskName } from './task-names.js';
import { translation } from './translation/task.js';

export const tasks: Readonly<Record<TaskName, Task>> = { sentiment, tagging, translation, speech, forecast, anomaly };
