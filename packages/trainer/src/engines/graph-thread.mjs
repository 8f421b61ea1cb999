// The thread behind `staged-program.ts`: runs graphs on request, on arrays that are transferred to it and back. Written
// in JavaScript, because tests run from source and a thread cannot be started from TypeScript.
import { parentPort, workerData } from 'node:worker_threads';
import { InferenceSession, Tensor } from 'onnxruntime-node';

/** @import { ThreadOptions, ThreadStage, ToThread, ValueType, StageArrays } from './staged-program.js' */

const port = /** @type {import('node:worker_threads').MessagePort} */ (parentPort);
const { stages, session: sessionOptions } = /** @type {ThreadOptions} */ (workerData);

const arrayTypes = { float32: Float32Array, int32: Int32Array, bool: Uint8Array };
/** Values that stages pass to each other, by name. @type {Record<string, Tensor>} */
const handed = {};

/** @type {InferenceSession[]} */
const sessions = [];
for (const { model } of stages) sessions.push(await InferenceSession.create(model, sessionOptions));

/** @param {ToThread} message */
async function run({ stage, lent, given }) {
  const { inputs, outputs } = /** @type {ThreadStage} */ (stages[stage]);
  const session = /** @type {InferenceSession} */ (sessions[stage]);
  const arrays = { ...lent, ...given };
  await session.run(tensors(inputs, arrays), tensors(outputs, arrays));
}

/**
 * @param {readonly ValueType[]} types
 * @param {StageArrays} arrays
 */
function tensors(types, arrays) {
  return Object.fromEntries(types.map((type) => [type.name, tensor(type, arrays[type.name])]));
}

/**
 * @param {ValueType} type
 * @param {StageArrays[string] | undefined} array
 */
function tensor({ name, dtype, shape }, array) {
  if (array) return new Tensor(dtype, array, shape);
  const length = shape.reduce((product, size) => product * size, 1);
  handed[name] ??= new Tensor(dtype, new arrayTypes[dtype](length), shape);
  return handed[name];
}

port.on('message', async (/** @type {ToThread} */ message) => {
  const { lent } = message;
  const failure = await run(message).then(
    () => undefined,
    (error) => String(error),
  );
  port.postMessage(
    { lent, failure },
    Object.values(lent).map(({ buffer }) => /** @type {ArrayBuffer} */ (buffer)),
  );
});

port.postMessage({ lent: {}, failure: undefined });
