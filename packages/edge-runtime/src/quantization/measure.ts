/** Chooses the scheme of each matrix by measuring its products on the runtime for which a bundle is made. */
import { encodeOnnx, nextOf, type OnnxGraph, type OnnxTensor } from '@unroll/core/onnx';
import type { Manifest } from '../bundle/manifest.js';
import { loadDecoder } from '../decoder/decoder.js';
import type { OnnxRuntime } from '../runtime/session.js';
import { loadStepModel, type StepModel } from '../runtime/step.js';
import { int8For, type MatrixChoice, type Target } from './plan.js';
import { type MatrixScheme, quantize, type WeightMatrix, weightMatrices } from './quantize.js';

/** The runtime of the measured products: Unroll's WebAssembly decoder unless an ONNX Runtime is given. */
export interface MeasuredRuntime {
  readonly ort?: OnnxRuntime;
  readonly executionProvider?: 'webgpu';
}

/** A candidate that costs accuracy or bytes must take less than this fraction of the time. */
const worthwhile = 0.9;

/** Number of rounds. The fastest one counts, because other activity on the machine only adds time. */
const rounds = 15;

/**
 * Chooses the fastest of float32, int8 and int4 for each matrix; int8 unless another is at least 10 % faster. A table
 * that is only looked up takes negligible time, and is int8.
 *
 * @param onMeasured called after each matrix with the number of finished ones
 */
export async function chooseByMeasurement(
  graph: OnnxGraph,
  target: Target,
  runtime: MeasuredRuntime,
  onMeasured?: (done: number) => void,
): Promise<MatrixChoice[]> {
  const matrices = weightMatrices(graph);
  const tensors = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
  const choices: MatrixChoice[] = [];
  for (const matrix of matrices) {
    const { name } = matrix;
    choices.push(
      matrix.use === 'lookup'
        ? { name, scheme: int8For(target) }
        : await chooseScheme(productGraph(tensors.get(name)!, matrix), name, target, runtime),
    );
    onMeasured?.(choices.length);
  }
  return choices;
}

/** Measures the tokens per second of the fastest of 40 consecutive decoding steps. */
export async function decodingSpeed(
  model: Uint8Array,
  manifest: Pick<Manifest, 'state'>,
  runtime: MeasuredRuntime,
): Promise<number> {
  const step = await loadStep(model, manifest, runtime);
  const times: number[] = [];
  for (let i = 0; i < 40; i++) times.push(await timeOf(step));
  await step.dispose();
  return 1e6 / Math.min(...times);
}

async function chooseScheme(
  graph: OnnxGraph,
  name: string,
  target: Target,
  runtime: MeasuredRuntime,
): Promise<MatrixChoice> {
  const int8 = int8For(target);
  const candidates: MatrixScheme[] = [int8, 'float32', 'int4'];
  const manifest = { state: [{ input: 'x', output: nextOf('x'), shape: graph.inputs[1]!.shape.map(Number) }] };
  const steps = new Map<MatrixScheme, StepModel>();
  for (const scheme of candidates) {
    steps.set(scheme, await loadStep(encodeOnnx(quantize(graph, () => scheme)), manifest, runtime));
  }
  const times = new Map(candidates.map((scheme) => [scheme, [] as number[]]));
  for (let round = 0; round < rounds; round++) {
    for (const [scheme, step] of steps) times.get(scheme)!.push(await timeOf(step));
  }
  for (const step of steps.values()) await step.dispose();

  const fastest = new Map(Array.from(times, ([scheme, values]) => [scheme, Math.min(...values)]));
  let scheme = int8;
  for (const candidate of candidates) {
    if (fastest.get(candidate)! < worthwhile * fastest.get(scheme)!) scheme = candidate;
  }
  const microseconds = Object.fromEntries(Array.from(fastest, ([key, value]) => [key, Math.round(value)]));
  return { name, scheme, microseconds };
}

/** A decoding step that consists only of a product with `weight`. */
function productGraph(weight: OnnxTensor, { shape, use }: WeightMatrix): OnnxGraph {
  const transposed = use === 'tied'; // as in the output layer of tied weights
  const [inputs, outputs] = transposed ? [shape[1]!, shape[0]!] : [shape[0]!, shape[1]!];
  const x = { dtype: 'float32' as const, shape: [1, inputs] };
  return {
    inputs: [
      { name: 'ids', dtype: 'int32', shape: [1] },
      { name: 'x', ...x },
    ],
    outputs: [
      { name: nextOf('x'), ...x },
      { name: 'logits', dtype: 'float32', shape: [1, outputs] },
    ],
    initializers: [weight],
    nodes: [
      { opType: 'Identity', inputs: ['x'], outputs: [nextOf('x')] },
      {
        opType: 'Gemm',
        inputs: ['x', weight.name],
        outputs: ['logits'],
        attributes: { transB: { i: transposed ? 1 : 0 } },
      },
    ],
  };
}

function loadStep(model: Uint8Array, manifest: Pick<Manifest, 'state'>, runtime: MeasuredRuntime): Promise<StepModel> {
  const { ort, executionProvider } = runtime;
  return ort ? loadStepModel(model, manifest, ort, executionProvider) : loadDecoder(model, manifest);
}

/** Measures one step from the zero state, in microseconds. */
async function timeOf(model: StepModel): Promise<number> {
  const start = performance.now();
  await model.step(model.initialState, 0);
  return 1000 * (performance.now() - start);
}
