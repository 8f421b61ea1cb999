/** The applications by name: each is a folder here, and a line in this list. */
import { sentiment } from './sentiment/task.js';
import type { Task } from './task.js';
import { translation } from './translation/task.js';

export const tasks: readonly Task[] = [sentiment, translation];

export const taskNames: readonly string[] = tasks.map(({ name }) => name);
