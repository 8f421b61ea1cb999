// The thread that `heartbeats.ts` starts. It is JavaScript, so that Node can load it beside the sources and when built.
import { parentPort, workerData } from 'node:worker_threads';
import { Client, credentials, status } from '@grpc/grpc-js';
import { unroll } from '../generated/parameter-server.js';

/** @type {{ servers: string[], caller: { worker: number, incarnation: number }, intervalSeconds: number }} */
const { servers, caller, intervalSeconds } = workerData;
const { HeartbeatRequest, HeartbeatResponse } = unroll.v1;
const path = '/unroll.v1.ParameterServer/Heartbeat';
const request = Buffer.from(HeartbeatRequest.encode({ caller }).finish());

const clients = servers.map((server) => new Client(server, credentials.createInsecure()));

/** @param {number} shard */
function beat(shard) {
  const options = { deadline: Date.now() + 1000 * intervalSeconds };
  const serialize = () => request;
  clients[shard]?.makeUnaryRequest(path, serialize, decode, undefined, options, (error, place) => {
    if (!error) parentPort?.postMessage({ shard, place });
    // Other failures show in the calls of the worker itself.
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
