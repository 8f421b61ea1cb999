/** The task in a page: reads task.json beside the page, which has the task and the address for the report. */
import { loadLanguageModel } from '@unroll/edge-runtime';
import { runTask, type Task } from './probe.js';

const { task, report } = (await (await fetch('./task.json')).json()) as { task: Task; report: string };
const body = await runTask(task, (address) => loadLanguageModel(address)).then(JSON.stringify, (error) =>
  String(error),
);
await fetch(report, { method: 'POST', mode: 'no-cors', body });
