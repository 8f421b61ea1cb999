/** The task in a Cloudflare Worker: the request's body is the task, and the response is the report. */
import { loadLocalLanguageModel } from '@unroll/edge-runtime';
import kernels from '@unroll/edge-runtime/kernels.wasm';
import { runTask, type Task } from './probe.js';

export default {
  async fetch(request: Request): Promise<Response> {
    const task = (await request.json()) as Task;
    return Response.json(await runTask(task, (address) => loadLocalLanguageModel(address, { kernels })));
  },
};
