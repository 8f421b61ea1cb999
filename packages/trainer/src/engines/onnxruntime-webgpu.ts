/**
 * ONNX Runtime on a GPU through WebGPU (Vulkan, Metal or D3D12). It runs the same traced programs, with residents in
 * device memory. A run binds its resident outputs to device buffers, which the next run reads; other outputs are copied
 * back.
 */
import type { OnnxGraph, Program } from '@unroll/core';
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { option } from '../configuration/option-names.js';
import { UnrollError } from '../errors.js';
import { type Engine, type Executable, type Residents, type ResidentValues, replacedResident } from './engine.js';
import { inMixedPrecision } from './mixed-precision.js';
import { createSession, inputTensor, tracedProgram } from './onnx-session.js';
import { silent } from './provider-support.js';
import { forWebGpu } from './webgpu-graph.js';

export function webGpuEngine(): Engine {
  return {
    description: 'onnxruntime (webgpu)',
    allocate: (values) => new DeviceResidents(values),
    compile: (program, residents) => compile(program, residents as DeviceResidents[]),
  };
}

const options = { provider: 'webgpu', threads: 1 } as const;

/** Residents in tensors. A tensor is in main memory until a run first needs it, and on the device from then on. */
class DeviceResidents implements Residents {
  readonly #tensors: Map<string, Tensor>;

  constructor(values: Readonly<Record<string, ResidentValues>>) {
    this.#tensors = new Map(
      Object.entries(values).map(([name, { shape, values }]) => [name, new Tensor('float32', values.slice(), shape)]),
    );
  }

  get names(): readonly string[] {
    return [...this.#tensors.keys()];
  }

  async read(name: string): Promise<Float32Array> {
    const tensor = this.#tensor(name);
    return (tensor.location === 'cpu' ? tensor : await copied(tensor, 'cpu')).data as Float32Array;
  }

  write(name: string, values: Float32Array): void {
    this.replace(name, new Tensor('float32', values.slice(), this.#tensor(name).dims));
  }

  clear(): void {
    for (const [name, { size, dims }] of this.#tensors) {
      this.replace(name, new Tensor('float32', new Float32Array(size), dims));
    }
  }

  dispose(): void {
    for (const tensor of this.#tensors.values()) release(tensor);
    this.#tensors.clear();
  }

  async onDevice(name: string): Promise<Tensor> {
    const tensor = this.#tensor(name);
    if (tensor.location !== 'cpu') return tensor;
    this.replace(name, await copied(tensor, 'gpu-buffer'));
    return this.#tensor(name);
  }

  replace(name: string, tensor: Tensor): void {
    release(this.#tensor(name));
    this.#tensors.set(name, tensor);
  }

  #tensor(name: string): Tensor {
    const tensor = this.#tensors.get(name);
    if (!tensor) throw new Error(`no resident tensor '${name}'`);
    return tensor;
  }
}

function release(tensor: Tensor): void {
  if (tensor.location !== 'cpu') tensor.dispose();
}

type Location = 'cpu' | 'gpu-buffer';
const copySessions = new Map<string, Promise<InferenceSession>>();

/**
 * Copies a tensor elsewhere with a session that does nothing else. In onnxruntime-node 1.30 a tensor's own download
 * (`getData`) ends the process.
 */
async function copied(tensor: Tensor, location: Location): Promise<Tensor> {
  const rank = tensor.dims.length;
  const key = `${location} ${rank}`;
  if (!copySessions.has(key)) {
    copySessions.set(key, createSession(copyGraph(rank), options, { copy: location }));
  }
  const session = await copySessions.get(key)!;
  const { copy } = await session.run({ x: tensor });
  return copy as Tensor;
}

function copyGraph(rank: number): OnnxGraph {
  const value = { dtype: 'float32', shape: Array.from({ length: rank }, (_, axis) => `d${axis}`) } as const;
  return {
    inputs: [{ name: 'x', ...value }],
    outputs: [{ name: 'copy', ...value }],
    initializers: [],
    nodes: [{ opType: 'Identity', inputs: ['x'], outputs: ['copy'] }],
  };
}

/** Whether the device computes in float16 (WebGPU's `shader-f16`). ONNX Runtime shows this only by failing. */
export async function hasFloat16(): Promise<boolean> {
  const value = { dtype: 'float32', shape: [1, 1] } as const;
  const graph = inMixedPrecision({
    inputs: [{ name: 'x', ...value }],
    outputs: [{ name: 'y', ...value }],
    initializers: [],
    nodes: [
      { opType: 'MatMul', inputs: ['x', 'x'], outputs: ['product'] },
      { opType: 'Identity', inputs: ['product'], outputs: ['y'] },
    ],
  });
  const session = await createSession(graph, options);
  try {
    await session.run({ x: new Tensor('float32', Float32Array.of(1), [1, 1]) }, { logSeverityLevel: silent });
    return true;
  } catch {
    return false;
  } finally {
    await session.release();
  }
}

async function compile(program: Program, residents: readonly DeviceResidents[]): Promise<Executable> {
  if (program.precision === 'mixed' && !(await hasFloat16())) {
    throw new UnrollError(`this GPU has no float16 (WebGPU's shader-f16): leave out ${option('precision')} mixed`);
  }
  const graph = forWebGpu(tracedProgram(program));
  const homes = new Map(residents.flatMap((set) => set.names.map((name) => [name, set] as const)));
  const outputNames = graph.outputs.map(({ name }) => name);
  const returned = outputNames.filter((name) => replacedResident(name) === undefined);
  const replaced = outputNames.flatMap((output) => {
    const resident = replacedResident(output);
    return resident === undefined ? [] : [{ output, resident }];
  });
  const locations: Record<string, Location> = Object.fromEntries([
    ...returned.map((name) => [name, 'cpu']),
    ...replaced.map(({ output }) => [output, 'gpu-buffer']),
  ]);
  const session = await createSession(graph, options, locations);
  const residentInputs = session.inputNames.filter((name) => homes.has(name));
  const otherInputs = graph.inputs.filter(({ name }) => !homes.has(name) && session.inputNames.includes(name));
  return {
    run: async (inputs) => {
      const feeds: Record<string, Tensor> = {};
      for (const name of residentInputs) feeds[name] = await homes.get(name)!.onDevice(name);
      for (const { name, dtype, shape } of otherInputs) {
        feeds[name] = inputTensor(name, dtype, shape as number[], inputs[name]);
      }
      const outputs = await session.run(feeds);
      for (const { output, resident } of replaced) homes.get(resident)!.replace(resident, outputs[output] as Tensor);
      return Object.fromEntries(returned.map((name) => [name, (outputs[name] as Tensor).data as Float32Array]));
    },
    dispose: () => session.release(),
  };
}
