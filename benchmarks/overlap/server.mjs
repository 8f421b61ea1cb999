// The parameter server of this benchmark, without a guard. Prints its port.
//   usage: server.mjs HOST WORKERS
import { startParameterServer } from '@unroll/param-server/server';

const [host, workers] = process.argv.slice(2);
const server = await startParameterServer({
  host,
  port: 0,
  workers: Number(workers),
  version: 'benchmark',
  insecurePublic: true,
});
console.log(server.port);
await server.done;
