/** The task in a Cloudflare Worker: it comes as the body of a request, and the report is the response. */
import { loadLocalLanguageModel } from '@unroll/edge-runtime';
import kernels from '@unroll/edge-runtime/kernels.wasm';
import { runTask, type Task } from './probe.js';

export default {
  async fetch(request: Request): Promise<Response> {
    const task = (await request.json()) as Task;
    return Response.json(await runTask(task, (address) => loadLocalLanguageModel(address, { kernels })));
  },
};
