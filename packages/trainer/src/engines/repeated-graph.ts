/**
 * Makes a program's graph the body of ONNX's Scan, so that one session call runs it several times. Each run finds the
 * residents as the previous one left them. They stay inside ONNX Runtime, which copies everything that it returns.
 */
import type { OnnxGraph } from '@unroll/core';
import type { OnnxValue } from '@unroll/core/onnx';
import { nextOf } from '@unroll/core/onnx';

export interface RepeatedGraph {
  /** The graph, with the program's inputs and outputs renamed by {@link outerName}. */
  readonly graph: OnnxGraph;
  readonly residents: readonly string[];
  /**
   * Inputs that differ from run to run, typed for one run. The graph takes and returns those of all runs along a first
   * axis.
   */
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

/** Renames a value, because a graph must not share names with its body. */
export function outerName(name: string): string {
  return `runs.${name}`;
}

/**
 * Builds the repeated graph.
 * @param residents the inputs `x` that stay between runs
 * @returns undefined unless the program replaces all its residents, by outputs `next.x`, and has other inputs, whose
 *   length sets the number of runs
 */
export function repeated(program: OnnxGraph, residents: ReadonlySet<string>): RepeatedGraph | undefined {
  const read = new Set(program.nodes.flatMap((node) => node.inputs));
  const states = program.inputs.filter(({ name }) => residents.has(name));
  const inputs = program.inputs.filter(({ name }) => !residents.has(name) && read.has(name));
  const next = states.map(({ name }) => program.outputs.find((output) => output.name === nextOf(name)));
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
