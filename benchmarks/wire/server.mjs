// A parameter server for the benchmarks of this folder. Prints its port; at the end, one JSON line: the processor time that it
// took, in seconds, and the greatest memory that it held.   usage: server.mjs WORKERS
import { startParameterServer } from '@unroll/param-server';

const server = await startParameterServer({ port: 0, workers: Number(process.argv[2]), version: 'benchmark' });
console.log(server.port);
await server.done;
const { user, system } = process.cpuUsage();
console.log(
  JSON.stringify({ cpuSeconds: (user + system) / 1e6, peakMegabytes: process.resourceUsage().maxRSS / 1024 }),
);
