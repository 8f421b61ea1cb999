// A parameter server for the benchmarks of this folder. Prints its port; at the end, one JSON line: its processor time
// in seconds and its peak memory.
//   usage: server.mjs WORKERS
import { startParameterServer } from '@unroll/param-server/server';

const server = await startParameterServer({ port: 0, workers: Number(process.argv[2]), version: 'benchmark' });
console.log(server.port);
await server.done;
const { user, system } = process.cpuUsage();
console.log(
  JSON.stringify({ cpuSeconds: (user + system) / 1e6, peakMegabytes: process.resourceUsage().maxRSS / 1024 }),
);
