// A parameter server of the benchmark. Prints its port; at the end, one JSON line: its memory in MB before any worker
// came, when the workers left, and at its peak.
//   usage: server.mjs SHARD SHARDS WORKERS FOLDER SNAPSHOT-EVERY
import { startParameterServer } from '@unroll/param-server/server';

const [shard, shards, workers] = process.argv.slice(2, 5).map(Number);
const [folder, every] = [process.argv[5], Number(process.argv[6])];
const megabytes = () => process.memoryUsage().rss / 1e6;
const server = await startParameterServer({
  ...{ port: 0, shard, shards, workers, version: 'benchmark', onNotice: console.error },
  ...(every > 0 && { snapshots: { folder, every, keep: 3 } }),
});
const idle = megabytes();
console.log(server.port);
await server.done;
console.log(JSON.stringify({ idle, end: megabytes(), peak: process.resourceUsage().maxRSS / 1e3 }));
