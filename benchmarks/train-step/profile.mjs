// Shows where the time of Unroll's training step goes, by ONNX Runtime's own profile: medians over the steps, by
// operator and by node.
//   node benchmarks/train-step/profile.mjs CONFIGURATION [--threads 2] [--steps 10] [--nodes 15] [--json]
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { languageModelConfig, parameterShapes, stateShapes, trace } from '@unroll/core';
import { Tensor } from 'onnxruntime-node';
// The engine's graph rewriting is not part of the package's interface.
import { forCpu } from '../../packages/trainer/dist/engines/cpu-graph.js';
import { sessionOptions } from '../../packages/trainer/dist/engines/onnx-session.js';
import { planRuns } from '../../packages/trainer/dist/engines/repeated-program.js';
import { median } from '../common.mjs';
import { byOperator, milliseconds, nodeRuns, profileOf } from '../onnx-profile.mjs';
import { stepProgram } from '../training-step.mjs';

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
const configuration = configurations[positionals[0]];
const { batch, time, ...model } = configuration;

const config = languageModelConfig(model);
const program = stepProgram(configuration);
const residents = new Set(Object.keys({ ...parameterShapes(config), ...stateShapes(config, batch) }));
const { graph } = planRuns(forCpu(trace(program.run, program.inputs)), residents).repeated;
const stepsAtOnce = 2;
// Every token of these steps may have a row of its own.
const sizes = { runs: stepsAtOnce, rows: Math.min(stepsAtOnce * batch * time, model.vocabSize) };
const elements = (shape) => shape.reduce((product, size) => product * size, 1);
const tensors = (values) =>
  Object.fromEntries(
    values.map(({ name, dtype, ...value }) => {
      const shape = value.shape.map((size) => sizes[size] ?? size);
      const size = elements(shape);
      const vocabulary = name.includes('places.') ? sizes.rows : model.vocabSize;
      // The ids are spread over the vocabulary; the multiplier is coprime to its size.
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
const options = sessionOptions({ provider: 'cpu', threads: Number(flags.threads) });
const events = await profileOf(graph, options, async (session) => {
  for (let k = 0; k < steps; k += stepsAtOnce) await session.run(feeds, fetches);
});

const shapes = (list) => list.map((entry) => `[${Object.values(entry)[0].join(',')}]`).join(' ');
const nodes = [...nodeRuns(events)]
  .map(([name, runs]) => ({
    node: `${name} ${shapes(runs[0].args.input_type_shape)}`,
    operator: runs[0].args.op_name,
    time: median(runs.map(({ dur }) => dur)),
  }))
  .sort((a, b) => b.time - a.time);
const operators = byOperator(nodes);

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
