/**
 * Trains on this device: runs the bundle's training step in ONNX Runtime, over windows of token ids. Parameters that
 * are not trained are constants of the session, so only the trained ones and Adam's moments pass through it.
 */
import { divideOutputs, elementCount, encodeOnnx, type OnnxGraph, subjectOf } from '@unroll/core/onnx';
import type { Tensor } from 'onnxruntime-common';
import { nextTask } from '../runtime/breathing.js';
import type { OnnxRuntime } from '../runtime/session.js';
import { createSession } from '../runtime/session.js';
import { isOwn, lossWeights, readWindow } from './lanes.js';
import type { PersonalizationProgress } from './options.js';
import { inputShapes, type Parameters, trainedShapes, withConstants } from './parameters.js';

export interface TrainingJob {
  /** A graph of `personalizationProgram`, without weights. */
  readonly graph: OnnxGraph;
  readonly base: Parameters;
  /** The values with which training starts. */
  readonly trained: Parameters;
  /** Token ids of the owner's texts. */
  readonly own: readonly number[];
  /** Token ids of text that the model must still predict as well as before. */
  readonly general: readonly number[];
  readonly steps: number;
  readonly learningRate: number;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((progress: PersonalizationProgress) => void) | undefined;
}

/**
 * Runs the training steps.
 * @returns the trained parameters after the last step
 * @throws the signal's reason if it aborts, between two steps
 */
export async function train(job: TrainingJob, ort: OnnxRuntime): Promise<Parameters> {
  const { graph, base, trained, steps, signal, onProgress } = job;
  const [time, batch] = graph.inputs.find(({ name }) => name === 'ids')!.shape.map(Number) as [number, number];
  const frozen = new Map([...base].filter(([name]) => !trained.has(name)));
  const session = await createSession(encodeOnnx(withConstants(graph, frozen)), ort, 'the training graph');
  try {
    const residents = firstResidents(graph, trained, ort);
    residents.set('lossWeights', new ort.Tensor('float32', lossWeights({ time, batch }), [time * batch]));
    residents.set('learningRate', new ort.Tensor('float32', Float32Array.of(job.learningRate), []));
    for (let step = 1; step <= steps; step++) {
      await nextTask();
      signal?.throwIfAborted();
      const { ids, targets } = readWindow(job.own, job.general, { time, batch }, step - 1);
      residents.set('ids', new ort.Tensor('int32', ids, [time, batch]));
      residents.set('targets', new ort.Tensor('int32', targets, [time * batch]));
      residents.set('step', new ort.Tensor('float32', Float32Array.of(step), []));
      const feeds = Object.fromEntries(session.inputNames.map((name) => [name, residents.get(name)!]));
      const outputs = await session.run(feeds);
      const [next] = divideOutputs('next', outputs);
      for (const [name, tensor] of Object.entries(next)) residents.set(name, tensor);
      const losses = (outputs.tokenLosses!.data as Float32Array).filter((_, i) => isOwn(i, { time, batch }));
      const perplexity = Math.exp(losses.reduce((sum, loss) => sum + loss, 0) / losses.length);
      onProgress?.({ step, steps, perplexity });
    }
    const finalValues = (name: string) => Float32Array.from(residents.get(name)!.data as Float32Array);
    return new Map(Array.from(trained.keys(), (name) => [name, finalValues(name)]));
  } finally {
    await session.release();
  }
}

/** The initial inputs: trained parameters as given; zeros for Adam's moments and the recurrent state. */
function firstResidents(graph: OnnxGraph, trained: Parameters, ort: OnnxRuntime): Map<string, Tensor> {
  const shapes = trainedShapes(graph);
  const replaced = new Set(graph.outputs.map(({ name }) => subjectOf('next', name)));
  const zeros = inputShapes(graph, (name) => replaced.has(name) && !shapes.has(name));
  return new Map([
    ...Array.from(shapes, ([name, shape]) => [name, new ort.Tensor('float32', trained.get(name)!, shape)] as const),
    ...Array.from(zeros, ([name, shape]) => {
      return [name, new ort.Tensor('float32', new Float32Array(elementCount(shape)), shape)] as const;
    }),
  ]);
}
