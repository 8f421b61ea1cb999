// The parameter servers of this benchmark: several shards in one process, so that a worker has as many connections to
// it. Prints the process's id and the shards' ports.
//   usage: server.mjs HOST SHARDS
import { startParameterServer } from '@unroll/param-server/server';

const [host, shards] = process.argv.slice(2);
const servers = [];
for (let shard = 0; shard < Number(shards); shard++) {
  const place = { host, port: 0, shard, shards: Number(shards), insecurePublic: true };
  servers.push(await startParameterServer({ ...place, workers: 2, version: 'benchmark' }));
}
console.log(JSON.stringify({ pid: process.pid, ports: servers.map(({ port }) => port) }));
await Promise.all(servers.map(({ done }) => done));
