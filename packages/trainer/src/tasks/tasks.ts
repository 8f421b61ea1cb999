/** The applications by name: each is a folder here, and a line in this list. */
import { anomaly } from './anomaly/task.js';
import { forecast } from './forecast/task.js';
import { sentiment } from './sentiment/task.js';
import { speech } from './speech/task.js';
import type { Task } from './task.js';
import { translation } from './translation/task.js';

export const tasks: readonly Task[] = [sentiment, translation, speech, forecast, anomaly];

export const taskNames: readonly string[] = tasks.map(({ name }) => name);
