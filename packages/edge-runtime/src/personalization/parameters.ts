/** Combines parameters and graphs: trained parameters with unchanged ones, and models made of both. */
import { seededRandom } from '@unroll/core/decoding';
import { adaptersOf, bytesOf, elementCount, type OnnxGraph, type OnnxTensor, slotName } from '@unroll/core/onnx';

export type Parameters = ReadonlyMap<string, Float32Array<ArrayBuffer>>;

/** Turns those inputs of the graph that have values here into constants. */
export function withConstants(graph: OnnxGraph, values: Parameters): OnnxGraph {
  const constants = graph.inputs.filter(({ name }) => values.has(name));
  const tensors = constants.map(({ name, shape }): OnnxTensor => {
    return { name, dtype: 'float32', shape: shape.map(Number), data: bytesOf(values.get(name)!) };
  });
  return {
    ...graph,
    inputs: graph.inputs.filter(({ name }) => !values.has(name)),
    initializers: [...graph.initializers, ...tensors],
  };
}

/** The shapes of the graph's inputs whose names pass. */
export function inputShapes(graph: OnnxGraph, passes: (name: string) => boolean): Map<string, number[]> {
  return new Map(graph.inputs.filter(({ name }) => passes(name)).map(({ name, shape }) => [name, shape.map(Number)]));
}

/** The shapes of the parameters that a training graph trains, which are those with Adam's first moment. */
export function trainedShapes(graph: OnnxGraph): Map<string, number[]> {
  const names = new Set(graph.inputs.map(({ name }) => name));
  return inputShapes(graph, (name) => names.has(slotName('m', name)));
}

/**
 * The values with which training starts: the parameters themselves, or adapters whose product is zero (Hu et al. 2022,
 * section 4.1). For those, `up` is zero and `down` is uniform in ±√(3 / rows), with variance 1 / rows.
 */
export function initialTrained(shapes: ReadonlyMap<string, readonly number[]>, base: Parameters): Parameters {
  const random = seededRandom(1);
  const downs = new Set(Array.from(base.keys(), (name) => adaptersOf(name).down));
  return new Map(
    Array.from(shapes, ([name, shape]) => {
      const known = base.get(name);
      if (known) return [name, known.slice()];
      const values = new Float32Array(elementCount(shape));
      if (downs.has(name)) {
        const range = Math.sqrt(3 / shape[0]!);
        for (let i = 0; i < values.length; i++) values[i] = (2 * random() - 1) * range;
      }
      return [name, values];
    }),
  );
}

/**
 * The parameters that training has changed: those trained directly, and matrices plus the product of their adapters.
 */
export function changedParameters(base: Parameters, trained: Parameters): Parameters {
  const changed = new Map<string, Float32Array<ArrayBuffer>>();
  for (const [name, values] of base) {
    const adapters = adaptersOf(name);
    const [down, up] = [trained.get(adapters.down), trained.get(adapters.up)];
    const whole = trained.get(name);
    if (whole) changed.set(name, whole);
    else if (down && up) changed.set(name, plusProduct(values, down, up));
  }
  return changed;
}

/**
 * Computes W + down·up for W [rows, columns], down [rows, rank], up [rank, columns]. The rank follows from the sizes:
 * down|·|up| = |W|·rank².
 */
function plusProduct(w: Float32Array, down: Float32Array, up: Float32Array): Float32Array<ArrayBuffer> {
  const rank = Math.round(Math.sqrt((down.length * up.length) / w.length));
  const columns = up.length / rank;
  const sum = w.slice();
  for (let row = 0; row * rank < down.length; row++) {
    for (let k = 0; k < rank; k++) {
      const factor = down[row * rank + k]!;
      for (let j = 0; j < columns; j++) sum[row * columns + j]! += factor * up[k * columns + j]!;
    }
  }
  return sum;
}

/**
 * The graph of the personalized model. If all changed parameters are stored as float32, it is the bundle's own graph
 * with new values, as fast as before; else it is the step with all parameters in float32.
 */
export function personalizedGraph(
  bundle: OnnxGraph,
  step: OnnxGraph,
  base: Parameters,
  changed: Parameters,
): OnnxGraph {
  const floats = new Set(bundle.initializers.filter(({ dtype }) => dtype === 'float32').map(({ name }) => name));
  if (![...changed.keys()].every((name) => floats.has(name))) {
    return withConstants(step, new Map([...base, ...changed]));
  }
  const initializers = bundle.initializers.map((tensor) => {
    const values = changed.get(tensor.name);
    return values ? { ...tensor, data: bytesOf(values) } : tensor;
  });
  return { ...bundle, initializers };
}
