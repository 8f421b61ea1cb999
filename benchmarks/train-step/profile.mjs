// Where the time of Unroll's training step goes: ONNX Runtime's own profile, medians over the steps, by operator and by node.
//   node benchmarks/train-step/profile.mjs CONFIGURATION [--threads 2] [--steps 10] [--nodes 15] [--json]
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { encodeOnnx, languageModelConfig, parameterShapes, stateShapes, trace, trainingProgram } from '@unroll/core';
import { InferenceSession, Tensor } from 'onnxruntime-node';
// What the engine does with a graph is no part of the package's interface.
import { forCpu } from '../../packages/trainer/dist/engines/cpu-graph.js';
import { sessionOptions } from '../../packages/trainer/dist/engines/onnx-session.js';
import { planRuns } from '../../packages/trainer/dist/engines/repeated-program.js';

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    threads: { type: 'string', default: '2' },
    steps: { type: 'string', default: '10' },
    nodes: { type: 'string', default: '15' },
    json: { type: 'boolean', default: false },
  },
});
const configurations = JSON.parse(readFileSync(new URL('configurations.json', import.meta.url), 'utf8'));
const { batch, time, ...model } = configurations[positionals[0]];
const folder = mkdtempSync(join(tmpdir(), 'unroll-profile-'));

const config = languageModelConfig(model);
const program = trainingProgram(config, { batch, time }, { optimizer: { name: 'sgd' }, clipNorm: 0.25 });
const residents = new Set(Object.keys({ ...parameterShapes(config), ...stateShapes(config, batch) }));
const { graph } = planRuns(forCpu(trace(program.run, program.inputs)), residents).repeated;
const session = await InferenceSession.create(encodeOnnx(graph), {
  ...sessionOptions({ provider: 'cpu', threads: Number(flags.threads) }),
  enableProfiling: true,
  profileFilePrefix: join(folder, 'step'),
});

const stepsAtOnce = 2;
// All tokens of these steps may have rows of their own.
const sizes = { runs: stepsAtOnce, rows: Math.min(stepsAtOnce * batch * time, model.vocabSize) };
const elements = (shape) => shape.reduce((product, size) => product * size, 1);
const tensors = (values) =>
  Object.fromEntries(
    values.map(({ name, dtype, ...value }) => {
      const shape = value.shape.map((size) => sizes[size] ?? size);
      const size = elements(shape);
      const vocabulary = name.includes('places.') ? sizes.rows : model.vocabSize;
      // Ids are spread over the vocabulary; the multiplier is prime to it.
      if (dtype === 'int32') {
        const ids = Int32Array.from({ length: size }, (_, k) => (k * 7919) % vocabulary);
        return [name, new Tensor('int32', ids, shape)];
      }
      const floats = Float32Array.from({ length: size }, (_, k) => ((k % 17) - 8) / 100);
      return [name, new Tensor('float32', floats, shape)];
    }),
  );
const feeds = tensors(graph.inputs);
const fetches = tensors(graph.outputs);
const steps = Number(flags.steps);
for (let k = 0; k < steps; k += stepsAtOnce) await session.run(feeds, fetches);
session.endProfiling();
const [file] = readdirSync(folder);
const events = JSON.parse(readFileSync(join(folder, file), 'utf8'));
rmSync(folder, { recursive: true });

function groupBy(values, key) {
  const groups = new Map();
  for (const value of values) groups.set(key(value), [...(groups.get(key(value)) ?? []), value]);
  return groups;
}
const kernels = groupBy(
  events.filter(({ cat, name }) => cat === 'Node' && name.endsWith('_kernel_time') && !name.startsWith('Scan_')),
  ({ name }) => name.replace('_kernel_time', ''),
);
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const milliseconds = (microseconds) => Number((microseconds / 1000).toFixed(3));
const shapes = (list) => list.map((entry) => `[${Object.values(entry)[0].join(',')}]`).join(' ');
const nodes = [...kernels]
  .map(([name, runs]) => ({
    node: `${name} ${shapes(runs[0].args.input_type_shape)}`,
    operator: runs[0].args.op_name,
    time: median(runs.map(({ dur }) => dur)),
  }))
  .sort((a, b) => b.time - a.time);
const operators = [...groupBy(nodes, ({ operator }) => operator)]
  .map(([operator, group]) => ({
    operator,
    nodes: group.length,
    'ms a step': milliseconds(group.reduce((sum, { time }) => sum + time, 0)),
  }))
  .sort((a, b) => b['ms a step'] - a['ms a step']);

const runs = events.filter(({ name }) => name === 'model_run').map(({ dur }) => dur / stepsAtOnce);
const step = milliseconds(median(runs));
const slowest = nodes
  .slice(0, Number(flags.nodes))
  .map(({ node, time }) => ({ node, 'ms a step': milliseconds(time) }));
if (flags.json) console.log(JSON.stringify({ configuration: positionals[0], milliseconds: step, operators, slowest }));
else {
  console.log(`${positionals[0]}: ${step} ms a step, ${flags.threads} threads`);
  console.table(operators);
  console.table(slowest);
}
