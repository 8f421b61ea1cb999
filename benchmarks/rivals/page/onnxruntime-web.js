// ONNX Runtime Web alone: a session of one decoding step, whose states are fed back.
import * as ort from 'onnxruntime-web/wasm';
import { greedy } from './greedy.js';

ort.env.wasm.numThreads = 1;

export async function load(base, first) {
  const session = await ort.InferenceSession.create(`${base}model.onnx`);
  const states = session.inputMetadata.filter(({ name }) => name !== 'ids');
  const zero = ({ name, shape }) => [name, new ort.Tensor('float32', new Float32Array(shape[0] * shape[1]), shape)];
  return (count) => {
    let state = Object.fromEntries(states.map(zero));
    const step = async (id) => {
      const { logits, ...next } = await session.run({ ids: new ort.Tensor('int32', [id], [1]), ...state });
      state = Object.fromEntries(states.map(({ name }) => [name, next[`next.${name}`]]));
      return logits.data;
    };
    return greedy(step, first, count);
  };
}
