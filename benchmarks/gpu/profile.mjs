// Shows where the time of Unroll's training step goes on a provider of ONNX Runtime, by its own profile. One JSON line:
// the operators with their number of nodes and milliseconds per step, the longest first. On a GPU these are the times
// that the host spends on each node, which limit a step of many small kernels.
//   usage: profile.mjs CONFIGURATION STEPS cuda|webgpu
import { readFileSync } from 'node:fs';
import { trace } from '@unroll/core';
import { Tensor } from 'onnxruntime-node';
// The engine's graph rewriting is not part of the package's interface.
import { replacedResident } from '../../packages/trainer/dist/engines/engine.js';
import { planMemory } from '../../packages/trainer/dist/engines/memory-plan.js';
import { sessionOptions } from '../../packages/trainer/dist/engines/onnx-session.js';
import { forWebGpu } from '../../packages/trainer/dist/engines/webgpu-graph.js';
import { byOperator, nodeRuns, profileOf } from '../onnx-profile.mjs';
import { stepProgram } from '../training-step.mjs';

const [name, steps, provider] = process.argv.slice(2);
const configurations = JSON.parse(readFileSync(new URL('configurations.json', import.meta.url), 'utf8'));
const program = stepProgram(configurations[name]);
const traced = trace(program.run, program.inputs);
const graph = provider === 'webgpu' ? forWebGpu(traced) : planMemory(traced).graph;

/** On WebGPU the replacement of a resident stays on the device. */
const locations = Object.fromEntries(
  graph.outputs.map(({ name }) => [name, replacedResident(name) === undefined ? 'cpu' : 'gpu-buffer']),
);
const options = {
  ...sessionOptions({ provider, threads: 1 }),
  ...(provider === 'webgpu' ? { preferredOutputLocation: locations } : {}),
};
const feeds = Object.fromEntries(
  graph.inputs.map(({ name, dtype, shape }) => {
    const size = shape.reduce((product, dimension) => product * dimension, 1);
    const data = dtype === 'int32' ? new Int32Array(size) : new Float32Array(size).fill(0.01);
    return [name, new Tensor(dtype, data, shape)];
  }),
);

async function run(session) {
  for (const [output, tensor] of Object.entries(await session.run(feeds))) {
    const resident = replacedResident(output);
    if (resident === undefined) continue;
    if (feeds[resident].location !== 'cpu') feeds[resident].dispose();
    feeds[resident] = tensor;
  }
}

const events = await profileOf(graph, options, async (session) => {
  for (let k = 0; k <= Number(steps); k++) await run(session);
});
const nodes = [...nodeRuns(events).values()].map((runs) => ({
  operator: runs[0].args.op_name,
  // The first run compiles the kernels.
  time: runs.slice(1).reduce((sum, { dur }) => sum + dur, 0) / Number(steps),
}));
console.log(JSON.stringify(byOperator(nodes).slice(0, 10)));
