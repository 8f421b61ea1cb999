// The thread that `heartbeats.ts` starts. It is JavaScript, so that Node can load it from the sources and from the build.
import { parentPort, workerData } from 'node:worker_threads';
import { Client, credentials, Metadata, status } from '@grpc/grpc-js';
import { unroll } from '../generated/parameter-server.js';

/**
 * @type {{ servers: string[], caller: { worker: number, incarnation: number }, intervalSeconds: number,
 *   security: import('../security/client-security.js').ClientSecurity, counts: Float64Array, reportFields: string[],
 *   channelOptions: import('@grpc/grpc-js').ClientOptions }}
 */
const { servers, caller, security, intervalSeconds, counts, reportFields, channelOptions } = workerData;
const { HeartbeatRequest, HeartbeatResponse } = unroll.v1;
const path = '/unroll.v1.ParameterServer/Heartbeat';

// The same as `security/client-security.ts`, which a thread cannot load from source.
const { tls, token } = security;
const own = tls?.certificate && tls.key ? [Buffer.from(tls.key), Buffer.from(tls.certificate)] : [];
const channel = tls ? credentials.createSsl(Buffer.from(tls.authority), ...own) : credentials.createInsecure();
const metadata = new Metadata();
if (token) metadata.set('authorization', `Bearer ${token}`);

const clients = servers.map((server) => new Client(server, channel, channelOptions));

/** @param {number} shard */
function beat(shard) {
  const options = { deadline: Date.now() + 1000 * intervalSeconds };
  const { user, system } = process.cpuUsage();
  const report = {
    ...Object.fromEntries(reportFields.map((field, k) => [field, counts[k]])),
    // The same as `metrics/process-use.ts`; they are those of the whole process.
    cpuSeconds: (user + system) / 1e6,
    memoryBytes: process.memoryUsage.rss(),
  };
  const request = shard === 0 ? { caller, report } : { caller };
  const serialize = () => Buffer.from(HeartbeatRequest.encode(request).finish());
  clients[shard]?.makeUnaryRequest(path, serialize, decode, undefined, metadata, options, (error, place) => {
    if (!error) parentPort?.postMessage({ shard, place });
    // Other failures show up in the worker's own calls.
    else if (error.code === status.ABORTED) parentPort?.postMessage({ shard, place: undefined });
  });
}

/** @param {Buffer} bytes */
function decode(bytes) {
  const { generation, lease } = HeartbeatResponse.decode(bytes);
  return { generation, lease };
}

setInterval(() => {
  for (const shard of servers.keys()) beat(shard);
}, 1000 * intervalSeconds);
