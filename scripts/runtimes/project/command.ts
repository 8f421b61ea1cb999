/** The task in Node, Bun and Deno: takes the task as JSON in its only argument, and prints the report as JSON. */
import { loadLanguageModel } from '@unroll/edge-runtime';
import { runTask, type Task } from './probe.js';

const task = JSON.parse(process.argv[2]!) as Task;
console.log(JSON.stringify(await runTask(task, (address) => loadLanguageModel(address))));
