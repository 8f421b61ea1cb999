import { describe, test } from 'vitest';
import type { OnnxGraph } from '../onnx/graph.js';
import { backends } from '../testing/backends.js';
import { runGraph, type Values } from '../testing/onnx-runtime.js';
import { expectClose, rows, spread, spreadInputs } from '../testing/textbook.js';
import { recurrentNetwork } from './network.js';
import {
  layerDirections,
  type RecurrentNetworkConfig,
  recurrentNetworkConfig,
  recurrentParameterShapes,
  recurrentStateShapes,
} from './network-config.js';

const [time, batch, inputDim, hiddenDim] = [5, 3, 2, 3];

const variants = {
  plain: {},
  'with peepholes': { peepholes: true },
  'with coupled gates': { coupledGates: true },
  'with peepholes and coupled gates': { peepholes: true, coupledGates: true },
};

type Inputs = Readonly<Record<string, Values>>;

/** One layer as ONNX's operator `LSTM`; {@link operatorInputs} creates its inputs. */
function operatorGraph(config: RecurrentNetworkConfig, inputs: Inputs): OnnxGraph {
  const directions = layerDirections(config).length;
  const state = [directions, batch, hiddenDim];
  const optional = (name: string) => (name in inputs ? name : '');
  return {
    inputs: Object.entries(inputs).map(([name, { shape, dtype = 'float32' }]) => ({ name, shape, dtype })),
    outputs: [
      { name: 'Y', dtype: 'float32', shape: [time, directions, batch, hiddenDim] },
      { name: 'Y_h', dtype: 'float32', shape: state },
      { name: 'Y_c', dtype: 'float32', shape: state },
    ],
    initializers: [],
    nodes: [
      {
        opType: 'LSTM',
        inputs: ['X', 'W', 'R', 'B', optional('sequence_lens'), 'initial_h', 'initial_c', optional('P')],
        outputs: ['Y', 'Y_h', 'Y_c'],
        attributes: {
          hidden_size: { i: hiddenDim },
          input_forget: { i: Number(config.coupledGates) },
          direction: { s: config.bidirectional ? 'bidirectional' : 'forward' },
        },
      },
    ],
  };
}

/** Reorders gates i, f, g, o (or i, g, o) to ONNX's i, o, f, g; with coupled gates, f's place has no influence. */
function onnxGates<T>(coupled: boolean, gates: readonly T[], none: T): T[] {
  const [i, f, g, o] = coupled ? [gates[0]!, none, gates[1]!, gates[2]!] : gates;
  return [i!, o!, f!, g!];
}

function operatorInputs(config: RecurrentNetworkConfig, inputs: Inputs, lengths: readonly number[] | null): Inputs {
  const directions = layerDirections(config);
  const stacked = (shape: number[], of: (direction: string) => number[]): Values => ({
    shape: [directions.length, ...shape],
    values: directions.flatMap(of),
  });
  const parameter = (direction: string, name: string) => inputs[`lstm.${direction}.${name}`]!;
  /** Transposes [in, gates·hidden] to the elements of [4·hidden, in]. */
  const matrix = (values: Values) => {
    const columns = rows(values)[0]!.map((_, column) => rows(values).map((row) => row[column]!));
    const gates = Array.from({ length: columns.length / hiddenDim }, (_, k) =>
      columns.slice(k * hiddenDim, (k + 1) * hiddenDim),
    );
    const none = Array<number[]>(hiddenDim).fill(Array<number>(values.shape[0]!).fill(0));
    return onnxGates(config.coupledGates, gates, none).flat(2);
  };
  const none = Array<number>(hiddenDim).fill(0);
  const bias = ({ values }: Values) => {
    const gates = Array.from({ length: values.length / hiddenDim }, (_, k) =>
      values.slice(k * hiddenDim, (k + 1) * hiddenDim),
    );
    return [...onnxGates(config.coupledGates, gates, none).flat(), ...Array<number>(4 * hiddenDim).fill(0)];
  };
  const peepholes = (values: Values) => {
    const [i, f, o] = config.coupledGates ? [rows(values)[0]!, none, rows(values)[1]!] : rows(values);
    return [...i!, ...o!, ...f!];
  };
  return {
    X: inputs.x!,
    W: stacked([4 * hiddenDim, inputDim], (direction) => matrix(parameter(direction, 'kernel'))),
    R: stacked([4 * hiddenDim, hiddenDim], (direction) => matrix(parameter(direction, 'recurrent_kernel'))),
    B: stacked([8 * hiddenDim], (direction) => bias(parameter(direction, 'bias'))),
    initial_h: stacked([batch, hiddenDim], (direction) => [...inputs[`h.${direction}`]!.values]),
    initial_c: stacked([batch, hiddenDim], (direction) => [...inputs[`c.${direction}`]!.values]),
    ...(config.peepholes && {
      P: stacked([3 * hiddenDim], (direction) => peepholes(parameter(direction, 'peepholes'))),
    }),
    ...(lengths && { sequence_lens: { shape: [batch], values: [...lengths], dtype: 'int32' as const } }),
  };
}

const cases = Object.entries(variants).flatMap(([name, options]) =>
  [false, true].flatMap((bidirectional) =>
    [null, [4, 1, 5]].map((lengths) => ({
      name: `${name}, ${bidirectional ? 'both directions' : 'one direction'}, ${lengths ? 'unequal' : 'equal'} lengths`,
      config: recurrentNetworkConfig({ cell: 'lstm', inputDim, hiddenDim, bidirectional, ...options }),
      lengths,
    })),
  ),
);

describe.each(Object.entries(backends))('%s', (_, evaluate) => {
  test.each(cases)('an LSTM $name computes what ONNX Runtime’s operator computes', async ({ config, lengths }) => {
    const parameterShapes = recurrentParameterShapes(config);
    const stateShapes = recurrentStateShapes(config, batch);
    const inputs: Inputs = spreadInputs({ x: [time, batch, inputDim], ...parameterShapes, ...stateShapes });
    const directions = layerDirections(config);
    const fed = operatorInputs(config, inputs, lengths);
    const reference = await runGraph(operatorGraph(config, fed), fed);

    const stateNames = ['h', 'c'].flatMap((kind) => directions.map((direction) => `${kind}.${direction}`));
    const outputSize = time * batch * directions.length * hiddenDim;
    const { outputs } = await evaluate({
      fn: ({ x, lengths: sequenceLengths, ...tensors }) => {
        const state = Object.fromEntries(stateNames.map((name) => [name, tensors[name]!]));
        const options = { state, ...(sequenceLengths && { lengths: sequenceLengths }) };
        const result = recurrentNetwork(config, tensors, x!, options);
        return [result.outputs, ...stateNames.map((name) => result.state[name]!)];
      },
      inputs: {
        ...inputs,
        ...(lengths && { lengths: { shape: [batch], values: lengths, dtype: 'int32' } }),
      },
      parameters: [],
      weights: [spread(outputSize, 0), ...stateNames.map(() => spread(batch * hiddenDim, 0))],
    });

    // ONNX has [time, directions, batch, hidden], we [time, batch, directions·hidden].
    const width = directions.length * hiddenDim;
    const expected = outputs[0]!.map((_, k) => {
      const [row, column] = [Math.floor(k / width), k % width];
      const [t, b, d] = [Math.floor(row / batch), row % batch, Math.floor(column / hiddenDim)];
      return reference.Y![((t * directions.length + d) * batch + b) * hiddenDim + (column % hiddenDim)]!;
    });
    expectClose(outputs[0]!, expected, 1e-5);
    expectClose(outputs.slice(1).flat(), [...reference.Y_h!, ...reference.Y_c!], 1e-5);
  });
});
