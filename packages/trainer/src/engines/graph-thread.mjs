// The program of the thread of `staged-program.ts`: runs graphs when it is told to, on arrays that are handed to it and that it
// hands back. In JavaScript, because tests run from source and a thread cannot be started from TypeScript.
import { parentPort, workerData } from 'node:worker_threads';
import { InferenceSession, Tensor } from 'onnxruntime-node';

/** @import { ThreadOptions, ThreadStage, ToThread, ValueType, Arrays } from './staged-program.js' */

const port = /** @type {import('node:worker_threads').MessagePort} */ (parentPort);
const { stages, session: sessionOptions } = /** @type {ThreadOptions} */ (workerData);

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
 * @param {Arrays} arrays
 */
function tensors(types, arrays) {
  return Object.fromEntries(
    types.map(({ name, dtype, shape }) => [
      name,
      new Tensor(dtype, /** @type {Tensor.DataType} */ (arrays[name]), shape),
    ]),
  );
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
