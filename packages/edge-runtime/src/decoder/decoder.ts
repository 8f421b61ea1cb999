/**
 * Runs decoding steps with Unroll's own WebAssembly kernels, made for one token at a time. Reading the weights
 * dominates such a step, so int8 weights are several times faster than float32 ones. With ONNX Runtime's kernels they
 * are not.
 */
import { decodeOnnx } from '@unroll/core/onnx';
import type { Manifest } from '../bundle/manifest.js';
import { initialStateOf, type StepModel } from '../runtime/step.js';
import { elementsOf, type Vector } from './machine.js';
import { compileDecoder } from './program.js';

/**
 * Loads the decoding step in the bytes of `model`, an ONNX file. Does not keep the bytes.
 * @throws UnknownOperator for a model with operators that `unroll export` does not write
 */
export async function loadDecoder(
  model: Uint8Array,
  manifest: Pick<Manifest, 'state'>,
  compiledKernels?: WebAssembly.Module,
): Promise<StepModel> {
  const { layout, instructions, inputs, outputs } = compileDecoder(decodeOnnx(model));
  const machine = await layout.makeMachine(compiledKernels);
  const states = manifest.state.map(({ input, output }) => ({
    name: input,
    input: elementsOf(machine, inputs.get(input)!),
    output: elementsOf(machine, outputs.get(output)!),
  }));
  const logits = elementsOf(machine, outputs.get('logits') as Vector);
  return {
    initialState: initialStateOf(manifest),
    async step(state, token) {
      for (const { name, input } of states) input.set(state[name]!);
      machine.token = token;
      for (const instruct of instructions) instruct(machine);
      const next = states.map(({ name, output }) => [name, output.slice()] as const);
      return { logits: logits.slice(), state: Object.fromEntries(next) };
    },
    async dispose() {},
  };
}
