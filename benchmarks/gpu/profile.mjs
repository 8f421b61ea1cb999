// Where the time of Unroll's training step goes on a provider of ONNX Runtime, by its own profile: one JSON line, the
// operators with the number of their nodes and milliseconds a step, the longest first. On a GPU these are the times that
// the host spends on each node, which is what bounds a step of many small kernels.
//   usage: profile.mjs CONFIGURATION STEPS cuda|webgpu
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeOnnx, languageModelConfig, trace, trainingProgram } from '@unroll/core';
import { InferenceSession, Tensor } from 'onnxruntime-node';
// What the engine does with a graph is no part of the package's interface.
import { forWebGpu } from '../../packages/trainer/dist/engines/webgpu-graph.js';

const [name, steps, provider] = process.argv.slice(2);
const configurations = JSON.parse(readFileSync(new URL('configurations.json', import.meta.url), 'utf8'));
const { batch, time, ...model } = configurations[name];
const recipe = { optimizer: { name: 'sgd' }, clipNorm: 0.25 };
const program = trainingProgram(languageModelConfig(model), { batch, time }, recipe);
const traced = trace(program.run, program.inputs);
const graph = provider === 'webgpu' ? forWebGpu(traced) : traced;
const folder = mkdtempSync(join(tmpdir(), 'unroll-profile-'));

const session = await InferenceSession.create(encodeOnnx(graph), {
  executionProviders: [provider, 'cpu'],
  logSeverityLevel: 3,
  enableProfiling: true,
  profileFilePrefix: join(folder, 'step'),
});
const feeds = Object.fromEntries(
  graph.inputs.map(({ name, dtype, shape }) => {
    const size = shape.reduce((product, dimension) => product * dimension, 1);
    const data = dtype === 'int32' ? new Int32Array(size) : new Float32Array(size).fill(0.01);
    return [name, new Tensor(dtype, data, shape)];
  }),
);
for (let k = 0; k <= Number(steps); k++) await session.run(feeds);
session.endProfiling();
const [file] = readdirSync(folder);
const events = JSON.parse(readFileSync(join(folder, file), 'utf8'));
rmSync(folder, { recursive: true });

const nodes = new Map();
for (const { cat, name, dur, args } of events) {
  if (cat !== 'Node' || !name.endsWith('_kernel_time')) continue;
  const node = nodes.get(name) ?? { operator: args.op_name, durations: [] };
  nodes.set(name, { ...node, durations: [...node.durations, dur] });
}
const totals = new Map();
for (const { operator, durations } of nodes.values()) {
  const { count = 0, total = 0 } = totals.get(operator) ?? {};
  // The first run compiles the kernels.
  const warm = durations.slice(1).reduce((sum, duration) => sum + duration, 0);
  totals.set(operator, { count: count + 1, total: total + warm });
}
const operators = [...totals]
  .map(([operator, { count, total }]) => ({
    operator,
    nodes: count,
    'ms a step': Number((total / 1000 / Number(steps)).toFixed(3)),
  }))
  .sort((a, b) => b['ms a step'] - a['ms a step']);
console.log(JSON.stringify(operators.slice(0, 10)));
