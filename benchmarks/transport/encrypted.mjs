// Moves a vector of 80 MB to a parameter server with TLS and back, in turns over bulk connections and over gRPC.
// Reports the median milliseconds of each direction, and the processor time of client and server. Needs `openssl`.
// Build first.
//   node benchmarks/transport/encrypted.mjs [--rounds 8]
import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startParameterServer } from '@unroll/param-server/server';
import { BulkChannel } from '../../packages/param-server/dist/bulk/bulk-channel.js';
import { ShardConnection } from '../../packages/param-server/dist/client/shard-connection.js';
import { partition } from '../../packages/param-server/dist/vectors/partition.js';
import { chunksOf, partsOfParameters, scatterChunk } from '../../packages/param-server/dist/vectors/shard-vector.js';
import { writeModel } from '../../packages/param-server/dist/wire/wire-messages.js';
import { median, serverEnvironment } from '../common.mjs';

/** Returns this process's processor time so far, in milliseconds. */
const cpuTime = () => Object.values(process.cpuUsage()).reduce((sum, part) => sum + part) / 1000;

/** The server's process. It reports its port, and its processor time on request. */
async function serve(folder) {
  const [certificate, key] = ['crt', 'key'].map((ending) => readFileSync(join(folder, `server.${ending}`), 'utf8'));
  const security = { tls: { certificate, key } };
  const server = await startParameterServer({ port: 0, workers: 1, version: 'benchmark', security });
  process.on('message', () => process.send(cpuTime()));
  process.send(server.port);
  await server.done;
  process.disconnect();
}

function makeCertificates(folder) {
  const fresh = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const openssl = (...args) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  openssl(...fresh, '-subj', '/CN=authority', '-keyout', 'ca.key', '-out', 'ca.crt');
  const signed = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-addext', 'basicConstraints=CA:FALSE'];
  const names = ['-addext', 'subjectAltName=DNS:localhost'];
  openssl(...fresh, ...signed, ...names, '-subj', '/CN=server', '-keyout', 'server.key', '-out', 'server.crt');
}

async function measure(rounds) {
  const folder = mkdtempSync(join(tmpdir(), 'unroll-encrypted-'));
  process.once('exit', () => rmSync(folder, { recursive: true }));
  makeCertificates(folder);
  const server = fork(fileURLToPath(import.meta.url), ['serve', folder], { env: serverEnvironment });
  const [port] = await once(server, 'message');
  const serverTime = async () => {
    server.send('?');
    return (await once(server, 'message'))[0];
  };

  /** Without a bulk connection a client uses gRPC. */
  let isByGrpc = false;
  const lend = BulkChannel.prototype.lend;
  BulkChannel.prototype.lend = async function () {
    return isByGrpc ? undefined : lend.call(this);
  };
  const place = { shard: 0, shards: 1 };
  const connection = new ShardConnection({
    ...{ address: `localhost:${port}`, ...place, callSeconds: 120, patienceSeconds: 30 },
    security: { tls: { authority: readFileSync(join(folder, 'ca.crt'), 'utf8') } },
  });
  const model = {
    parameters: [{ name: 'table', shape: [20_000, 1000] }],
    optimizer: { name: 'sgd' },
    clipNorm: undefined,
    lanes: { count: 1, width: 1 },
    run: 'encrypted',
  };
  const values = { table: new Float32Array(20_000_000).map((_, k) => k % 1000) };
  const [layout] = partition(model.parameters, 1);
  const joining = { worker: 0, incarnation: 1, generation: 0, lease: 0 };
  await connection.join({ caller: joining, version: 'benchmark', workers: 1, ...place, ...writeModel(model) });
  const upload = (caller, vector) =>
    connection.upload({ caller, step: 0, vector }, chunksOf(partsOfParameters(layout, values)));
  await upload(joining, 'parameters');
  await connection.upload({ caller: joining, step: 0, vector: 'lanes' }, []);
  await connection.initialize({ caller: joining, step: 0, generation: 1 });
  const caller = { ...joining, generation: 1 };
  const calls = {
    push: () => upload(caller, 'gradient'),
    pull: async () => {
      const request = { caller, vector: 'parameters', step: 0 };
      for await (const chunk of connection.pull(request)) scatterChunk(layout, values, chunk);
    },
  };

  const results = {};
  for (let round = -1; round < rounds; round++) {
    for (const way of ['bulk', 'grpc']) {
      isByGrpc = way === 'grpc';
      for (const [name, call] of Object.entries(calls)) {
        const before = [performance.now(), cpuTime(), await serverTime()];
        await call();
        const after = [performance.now(), cpuTime(), await serverTime()];
        results[`${name} by ${way}`] ??= [];
        // The first round opens connections.
        if (round >= 0) results[`${name} by ${way}`].push(after.map((value, k) => value - before[k]));
      }
    }
  }
  await connection.leave({ caller, finished: true });
  connection.close();
  const middle = (rows, k) => Math.round(median(rows.map((row) => row[k])));
  const table = Object.entries(results).map(([name, rows]) => [
    name,
    { ms: middle(rows, 0), "client's CPU ms": middle(rows, 1), "server's CPU ms": middle(rows, 2) },
  ]);
  console.log(`${cpus().length} × ${cpus()[0].model}`);
  console.table(Object.fromEntries(table));
}

const { values: flags, positionals } = parseArgs({
  options: { rounds: { type: 'string', default: '8' } },
  allowPositionals: true,
});
await (positionals[0] === 'serve' ? serve(positionals[1]) : measure(Number(flags.rounds)));
