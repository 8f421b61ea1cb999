// A stateful model of TensorFlow.js's layers, for any loader: one token in, logits out.
import { tensor2d, tidy } from '@tensorflow/tfjs-core';
import { greedy } from './greedy.js';

export function writerOf(model, first) {
  const step = (id) => tidy(() => model.predict(tensor2d([id], [1, 1])).dataSync());
  return (count) => {
    model.resetStates();
    return greedy(step, first, count);
  };
}
