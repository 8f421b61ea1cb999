/** Runs programs op by op on a TensorFlow.js backend: `tensorflow` (CUDA, from tfjs-node-gpu), `webgpu` (on Dawn), `wasm` or `cpu`. */
import * as tf from '@tensorflow/tfjs-core';
import type { NamedTensors, Program, TensorSpec } from '@unroll/core';
import { option } from '../configuration/option-names.js';
import { UnrollError } from '../errors.js';
import { type Engine, type Executable, type Residents, type ResidentValues, replacedResident } from './engine.js';

/** Creates an engine over a registered TensorFlow.js backend and initialises the backend. */
export async function tensorFlowEngine(backend: string): Promise<Engine> {
  await tf.setBackend(backend);
  return {
    description: `tensorflow.js (${backend})`,
    allocate: (values) => new TensorResidents(backend, values),
    compile: async (program, residents) => {
      if (program.precision === 'mixed') {
        throw new UnrollError(
          `tensorflow.js (${backend}) has no float16: leave out ${option('precision')} mixed, or use ${option('engine')} cuda or webgpu`,
        );
      }
      return executable(backend, program, residents as TensorResidents[]);
    },
  };
}

class TensorResidents implements Residents {
  readonly #backend: string;
  readonly #tensors = new Map<string, tf.Tensor>();

  constructor(backend: string, values: Readonly<Record<string, ResidentValues>>) {
    this.#backend = backend;
    for (const [name, { shape, values: data }] of Object.entries(values)) {
      this.#tensors.set(name, this.#tensor(data, shape));
    }
  }

  get names(): readonly string[] {
    return [...this.#tensors.keys()];
  }

  async read(name: string): Promise<Float32Array> {
    return (await this.current(name).data()) as Float32Array;
  }

  write(name: string, values: Float32Array): void {
    this.replace(name, this.#tensor(values, this.current(name).shape));
  }

  clear(): void {
    for (const [name, { size }] of this.#tensors) this.write(name, new Float32Array(size));
  }

  dispose(): void {
    tf.dispose([...this.#tensors.values()]);
    this.#tensors.clear();
  }

  current(name: string): tf.Tensor {
    const tensor = this.#tensors.get(name);
    if (!tensor) throw new Error(`no resident tensor '${name}'`);
    return tensor;
  }

  replace(name: string, tensor: tf.Tensor): void {
    this.current(name).dispose();
    this.#tensors.set(name, tensor);
  }

  /** Creates a tensor from a copy: TensorFlow.js's cpu backend would keep the caller's array. */
  #tensor(values: Float32Array, shape: readonly number[]): tf.Tensor {
    void tf.setBackend(this.#backend);
    return tf.keep(tf.tensor(values.slice(), [...shape]));
  }
}

function executable(backend: string, program: Program, residents: readonly TensorResidents[]): Executable {
  const homes = new Map(residents.flatMap((set) => set.names.map((name) => [name, set] as const)));
  return {
    run: async (inputs) => {
      await tf.setBackend(backend);
      const outputs = runProgram(program, homes, inputs);
      const results: Record<string, Float32Array> = {};
      for (const [name, tensor] of Object.entries(outputs)) {
        const resident = replacedResident(name);
        if (resident !== undefined) {
          homes.get(resident)!.replace(resident, tensor);
        } else {
          results[name] = (await tensor.data()) as Float32Array;
          tensor.dispose();
        }
      }
      return results;
    },
    dispose: async () => {},
  };
}

function runProgram(
  program: Program,
  homes: ReadonlyMap<string, TensorResidents>,
  inputs: Readonly<Record<string, Float32Array | Int32Array>>,
): NamedTensors {
  return tf.tidy(() => {
    const tensors: NamedTensors = {};
    for (const [name, spec] of Object.entries(program.inputs)) {
      tensors[name] = homes.get(name)?.current(name) ?? inputTensor(name, spec, inputs[name]);
    }
    const outputs = program.run(tensors);
    for (const tensor of Object.values(outputs)) tf.keep(tensor);
    return outputs;
  });
}

function inputTensor(name: string, { shape, dtype }: TensorSpec, values: Float32Array | Int32Array | undefined) {
  if (!values) throw new Error(`the program's input '${name}' was not given`);
  return tf.tensor(values, [...shape], dtype);
}
