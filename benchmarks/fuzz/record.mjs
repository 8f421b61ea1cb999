// Records what honest clients send: two workers' calls through the product's own client to a real server, and requests
// to the HTTP doors. Every run records the same bytes: the messages that are made of them depend on the seed alone.
import { startParameterServer } from '@unroll/param-server/server';
import { ShardConnection } from '../../packages/param-server/dist/client/shard-connection.js';
import { GradientEncoder } from '../../packages/param-server/dist/codecs/gradient-encoder.js';
import { unroll } from '../../packages/param-server/dist/generated/parameter-server.js';
import { chunksOfGradient } from '../../packages/param-server/dist/tables/row-chunks.js';
import { partition } from '../../packages/param-server/dist/vectors/partition.js';
import { float32Bytes } from '../../packages/param-server/dist/vectors/shard-vector.js';
import { parameterServerService as service } from '../../packages/param-server/dist/wire/service-definition.js';
import { writeModel } from '../../packages/param-server/dist/wire/wire-messages.js';
import { gradients, initialValues, laneWidth, model, version } from './model.mjs';

const vectors = ['parameters', 'momentum', 'lanes'];

/**
 * @returns {Promise<readonly { method: string, messages: readonly Uint8Array[] }[]>} the calls that were answered; an
 * upload has several messages
 */
export async function recordCalls() {
  const calls = [];
  const recording = Object.fromEntries(
    Object.entries(service).map(([name, method]) => [name, { ...method, requestSerialize: recorded(method) }]),
  );
  function recorded({ path, requestSerialize }) {
    return (message) => {
      const bytes = requestSerialize(message);
      // Vectors are recorded below: they also travel by connections of their own, which the methods do not see.
      if (!(bytes instanceof Uint8Array) || path.endsWith('/Upload') || path.endsWith('/Pull')) return bytes;
      calls.push({ method: path.split('/').at(-1), messages: [bytes] });
      return bytes;
    };
  }
  const server = await startParameterServer({ port: 0, workers: 2, version });
  const address = `127.0.0.1:${server.port}`;
  const place = { shard: 0, shards: 1 };
  const open = () =>
    new ShardConnection({ address, ...place, callSeconds: 20, patienceSeconds: 20, service: recording });
  const [first, second] = [open(), open()];
  const upload = async (connection, target, chunks) => {
    const requests = [{ target }, ...chunks].map((request) => unroll.v1.UploadRequest.encode(request).finish());
    calls.push({ method: 'Upload', messages: requests });
    await connection.upload(target, chunks);
  };
  const pull = async (connection, request) => {
    calls.push({ method: 'Pull', messages: [service.pull.requestSerialize(request)] });
    for await (const _ of connection.pull(request));
  };

  const [layout] = partition(model.parameters, 1);
  const whole = (values) => ({ offsets: [0], data: float32Bytes(values) });
  const join = (worker) => ({ caller: { worker, incarnation: 2 ** 40 + worker }, ...place, workers: 2, version });
  await first.join({ ...join(0), ...writeModel(model) });
  const chief = { worker: 0, incarnation: 2 ** 40, generation: 0, lease: 0 };
  const values = Object.values(initialValues()).flatMap((value) => [...value]);
  const all = {
    parameters: values,
    momentum: values.map(() => 0),
    lanes: Array(laneWidth * model.lanes.count).fill(0),
  };
  for (const vector of vectors) {
    await upload(first, { caller: chief, step: 0, vector }, [whole(Float32Array.from(all[vector]))]);
  }
  await first.initialize({ caller: chief, step: 0, generation: 1 });
  const callers = [0, 1].map((worker) => ({ worker, incarnation: 2 ** 40 + worker, generation: 1, lease: 0 }));
  await second.join({ ...join(1), ...writeModel(model) });
  const connections = [first, second];
  for (const [k, caller] of callers.entries()) {
    await pull(connections[k], { caller, step: 0, vector: 'parameters' });
    await pull(connections[k], { caller, step: 0, vector: 'parameters', rows: { starts: [layout.denseLength] } });
    await recording.heartbeat.requestSerialize({ caller, report: { steps: 3, tokens: 70, lossSum: 4.5 } });
  }
  for (let step = 0; step < 2; step++) {
    const pushes = callers.map(async (caller, k) => {
      const chunks = [...chunksOfGradient(layout, gradients(k, step))];
      const dense = Object.values(gradients(k, step)).filter((value) => value instanceof Float32Array);
      const values = Float32Array.from(dense.flatMap((value) => [...value]));
      await upload(connections[k], { caller, step, vector: 'gradient' }, [whole(values)]);
      await upload(connections[k], { caller, step, vector: 'rows' }, chunks);
      await upload(connections[k], { caller, step, vector: 'lanes' }, [whole(new Float32Array(2 * laneWidth))]);
      const lanes = { lanesFrom: 2 * k, lanesTo: 2 * k + 2 };
      return connections[k].push({ caller, step, learningRate: 0.05, ...lanes, counted: [], sumOfSquares: 3 });
    });
    const [{ sumOfSquares }] = await Promise.all(pushes);
    await first.commit({ caller: callers[0], step, sumOfSquares });
    await pull(second, { caller: callers[1], step: step + 1, vector: 'parameters', sumOfSquares, since: step });
    for (const vector of vectors) await pull(first, { caller: callers[0], step: step + 1, vector, whole: true });
  }
  for (const codec of [
    { name: 'bfloat16' },
    { name: 'int8' },
    { name: 'top-k', share: 0.1 },
    { name: 'power-sgd', rank: 2 },
  ]) {
    const encoder = new GradientEncoder(codec, [layout]);
    const encoded = encoder.encode({ step: 2, gradients: gradients(1, 2), share: 0.5, forgetsAfter: false });
    const target = { caller: callers[1], step: 2, vector: 'gradient', encoded: true };
    if (encoded.type === 'payloads') await upload(second, target, [{ offsets: [], data: encoded.payloads[0] }]);
  }
  recording.restore.requestSerialize({ caller: callers[0], step: 1, generation: 2 });
  recording.status.requestSerialize({});
  for (const caller of callers) recording.finish.requestSerialize({ caller });
  for (const [k, caller] of callers.entries()) await connections[k].leave({ caller, finished: true });
  for (const connection of connections) connection.close();
  await server.close();
  // Workers upload at the same time; their order must not matter.
  return calls.toSorted((a, b) => Buffer.compare(keyOf(a), keyOf(b)));
}

const keyOf = ({ method, messages }) => Buffer.concat([Buffer.from(method), ...messages]);
