/** The task in a page: it lies beside the page as task.json, with the address to which the report is posted. */
import { loadLanguageModel } from '@unroll/edge-runtime';
import { runTask, type Task } from './probe.js';

const { task, report } = (await (await fetch('./task.json')).json()) as { task: Task; report: string };
const body = await runTask(task, (address) => loadLanguageModel(address)).then(JSON.stringify, (error) =>
  String(error),
);
await fetch(report, { method: 'POST', mode: 'no-cors', body });
