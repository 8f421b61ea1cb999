// The small model of the honest run: its values and gradients, which depend on the worker and the step alone, and on
// the parameters, so that any change of them shows.
import { readFileSync } from 'node:fs';

export const laneWidth = 2;

export const model = {
  parameters: [
    { name: 'kernel', shape: [16, 12] },
    { name: 'bias', shape: [12] },
    { name: 'table', shape: [24, 4], byRows: true },
  ],
  optimizer: { name: 'momentum', momentum: 0.9 },
  clipNorm: 1,
  lanes: { count: 4, width: laneWidth },
  run: 'fuzzed',
};

/** The version of the servers that `unroll param-server` starts. */
export const { version } = JSON.parse(
  readFileSync(new URL('../../packages/trainer/package.json', import.meta.url), 'utf8'),
);

const sizeOf = ({ shape }) => shape.reduce((product, length) => product * length, 1);
const waves = (length, phase) => Float32Array.from({ length }, (_, i) => Math.cos(1.7 * i + phase));

export function initialValues() {
  return Object.fromEntries(model.parameters.map((parameter, k) => [parameter.name, waves(sizeOf(parameter), k)]));
}

/** @param parameters those that the gradient is computed from; by default none */
export function gradients(worker, step, parameters = {}) {
  return Object.fromEntries(
    model.parameters.map((parameter) => {
      const phase = 31 * step + 7 * worker;
      if (parameter.byRows) {
        const rows = Int32Array.from(new Set([worker, 3, 4 + (step % 20)]));
        return [parameter.name, { rows, values: waves(rows.length * parameter.shape[1], phase) }];
      }
      const values = parameters[parameter.name];
      return [parameter.name, waves(sizeOf(parameter), phase).map((value, i) => value + 0.1 * (values?.[i] ?? 0))];
    }),
  );
}

/** The gateway of the run gathers updates of this model. */
export const gatewayModel = 'f'.repeat(64);
export const gatewayParameters = 64;
