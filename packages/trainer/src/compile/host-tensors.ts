/**
 * Handles tensors that model code computes on the host, in JavaScript. TensorFlow.js draws random tensors (dropout
 * masks, noise) there and passes them on as plain values, which a graph would take for constants. A first run finds
 * them. In the traced runs, inputs replace them, drawn anew for each step. Any other change on the host is an error.
 */
import * as tf from '@tensorflow/tfjs-core';
import { Dropout, type NamedTensors } from '@unroll/core';
import type { Random } from '@unroll/core/decoding';
import { fillDropoutMask } from '@unroll/core/internal';
import { UnrollError } from '../errors.js';
import { type DrawnTensor, recogniseDistribution, telltaleSeed, unrepeatable } from './random-tensors.js';

/** The host tensors of one run, in order. */
export interface HostTensors {
  readonly drawn: readonly DrawnTensor[];
  readonly constants: readonly Values[];
}

type Values = ArrayLike<number>;
type MakeTensor = (values: Values, shape: number[], dtype?: tf.DataType) => tf.Tensor;

/** Calls `run` while `make` replaces the engine's function that makes tensors of host values. */
export function interceptMakeTensor<R>(make: (original: MakeTensor) => MakeTensor, run: () => R): R {
  const engine = tf.engine() as unknown as { makeTensor: MakeTensor };
  const original = engine.makeTensor;
  engine.makeTensor = make(original.bind(engine));
  try {
    return run();
  } finally {
    engine.makeTensor = original;
  }
}

/** Calls `run` and returns the tensors that it makes on the host. */
export function observeHostTensors(run: () => void): HostTensors {
  const drawn: (() => DrawnTensor)[] = [];
  const constants: Values[] = [];
  interceptHost(
    {
      random: (values, shape) => {
        drawn.push(() => recogniseDistribution(values, shape));
        return undefined;
      },
      mask: (mask) => {
        drawn.push(() => mask);
        return tf.fill([...mask.shape], 1);
      },
      constant: (values) => {
        constants.push(values);
      },
    },
    run,
  );
  return { drawn: drawn.map((tensor) => tensor()), constants };
}

/** The name of the input for the k-th drawn tensor. */
export function drawnName(k: number): string {
  return `drawn.${k}`;
}

/**
 * Calls `run` with the inputs `drawn.k` in place of the observed drawn tensors.
 * @throws UnrollError if the other host tensors differ from the observed ones
 */
export function substituteHostTensors<R>(observed: HostTensors, inputs: NamedTensors, run: () => R): R {
  let drawnCount = 0;
  let constantCount = 0;
  const next = () => {
    const tensor = inputs[drawnName(drawnCount++)];
    if (!tensor) throw unrepeatable();
    return tf.clone(tensor);
  };
  return interceptHost(
    {
      random: next,
      mask: next,
      constant: (values, shape) => {
        const before = observed.constants[constantCount++];
        if (!before || !equal(before, values)) throw changed(shape);
      },
    },
    run,
  );
}

function equal(a: Values, b: Values): boolean {
  return a.length === b.length && Array.from(a).every((value, k) => Object.is(value, b[k]));
}

function changed(shape: readonly number[]): UnrollError {
  return new UnrollError(
    `the model makes a tensor [${shape.join(', ')}] in JavaScript whose values change from call to call, which a compiled step cannot repeat; pass it as an input`,
  );
}

interface Host {
  /** Returns the replacement of a tensor drawn from {@link telltaleSeed}, or undefined to keep it. */
  readonly random: (values: Values, shape: number[]) => tf.Tensor | undefined;
  /** Returns the replacement of a mask of @unroll/core's `Dropout`. */
  readonly mask: (mask: DrawnTensor) => tf.Tensor;
  readonly constant: (values: Values, shape: number[]) => void;
}

/**
 * Calls `run` and passes each host tensor to `host`. TensorFlow.js draws a tensor in two steps: it seeds a generator
 * from Math.random, then at once makes a tensor of its numbers. So the tensor made right after a call of Math.random is
 * a drawn one.
 */
function interceptHost<R>(host: Host, run: () => R): R {
  let isDrawn = false;
  const { random } = Math;
  Math.random = () => {
    if (isDrawn) throw unrepeatable();
    isDrawn = true;
    return telltaleSeed;
  };
  const make = (original: MakeTensor): MakeTensor => {
    return (values, shape, dtype) => {
      if (!isDrawn) {
        host.constant(values, shape);
        return original(values, shape, dtype);
      }
      isDrawn = false;
      return host.random(values, shape) ?? original(values, shape, dtype);
    };
  };
  try {
    const result = withMasks(host, () => interceptMakeTensor(make, run));
    if (isDrawn) throw unrepeatable();
    return result;
  } finally {
    Math.random = random;
  }
}

/** Calls `run` while @unroll/core's `Dropout`, which draws without Math.random, takes its masks from the host. */
function withMasks<R>(host: Host, run: () => R): R {
  const { call } = Dropout.prototype;
  Dropout.prototype.call = function (this: Dropout, inputs, kwargs) {
    if (!kwargs.training || this.rate === 0) return call.call(this, inputs, kwargs);
    const x = Array.isArray(inputs) ? inputs[0]! : inputs;
    return tf.mul(x, host.mask(dropoutMask(this, x)));
  };
  try {
    return run();
  } finally {
    Dropout.prototype.call = call;
  }
}

function dropoutMask({ rate, seed }: Dropout, { shape, size }: tf.Tensor): DrawnTensor {
  const draw = (_: Random, step: number) => {
    const mask = new Float32Array(size);
    fillDropoutMask(mask, { rate, seed, step, site: 0, firstLane: 0, lanes: 1, time: 1, width: size });
    return mask;
  };
  return { shape, draw };
}
