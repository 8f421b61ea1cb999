/**
 * A program's graph as the body of ONNX's Scan, so that one call of a session runs it several times: what a run leaves in the
 * residents is what the next one finds, without leaving ONNX Runtime, which copies all that it hands out.
 */
import type { OnnxGraph, OnnxValue } from '@unroll/core';

export interface RepeatedGraph {
  /** Its inputs and outputs are those of the program, by {@link outerName}. */
  readonly graph: OnnxGraph;
  readonly residents: readonly string[];
  /** What differs from run to run: of one run. The graph takes and gives those of all runs, along a first axis. */
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

/** A graph's names must not be those of its body. */
export function outerName(name: string): string {
  return `runs.${name}`;
}

/**
 * @param residents the inputs `x` that stay from run to run
 * @returns undefined unless the program replaces all its residents, by outputs `next.x`, and has other inputs, which say how
 *   often it runs
 */
export function repeated(program: OnnxGraph, residents: ReadonlySet<string>): RepeatedGraph | undefined {
  const read = new Set(program.nodes.flatMap((node) => node.inputs));
  const states = program.inputs.filter(({ name }) => residents.has(name));
  const inputs = program.inputs.filter(({ name }) => !residents.has(name) && read.has(name));
  const next = states.map(({ name }) => program.outputs.find((output) => output.name === `next.${name}`));
  if (inputs.length === 0 || states.length === 0 || next.includes(undefined)) return undefined;
  const nextStates = next as OnnxValue[];
  const outputs = program.outputs.filter((output) => !nextStates.includes(output));
  const body = { ...program, inputs: [...states, ...inputs], outputs: [...nextStates, ...outputs] };
  const graph: OnnxGraph = {
    inputs: [...states.map(outer), ...inputs.map(ofAllRuns)],
    outputs: [...nextStates.map(outer), ...outputs.map(ofAllRuns)],
    initializers: [],
    nodes: [
      {
        opType: 'Scan',
        inputs: body.inputs.map(({ name }) => outerName(name)),
        outputs: body.outputs.map(({ name }) => outerName(name)),
        attributes: { body: { g: body }, num_scan_inputs: { i: inputs.length } },
      },
    ],
  };
  return { graph, residents: states.map(({ name }) => name), inputs, outputs };
}

function outer(value: OnnxValue): OnnxValue {
  return { ...value, name: outerName(value.name) };
}

function ofAllRuns(value: OnnxValue): OnnxValue {
  return { ...outer(value), shape: ['runs', ...value.shape] };
}
