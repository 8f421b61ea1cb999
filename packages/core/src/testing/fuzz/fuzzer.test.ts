/**
 * Holds every kernel that is lowered, and every gradient that TensorFlow.js has, to the cpu backend on random cases.
 * benchmarks/tracer-fuzz runs thousands of them.
 */
// With the methods of tensors, which some of TensorFlow.js's own gradients call.
import '@tensorflow/tfjs';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { loweringTables } from '../../tracing/lowering/register.js';
import { compare, type FuzzCase } from './differential.js';
import { Draw } from './drawing.js';
import { fuzz, generators } from './fuzzer.js';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

const ofCpu = () => new Set(tf.getKernelsForBackend('cpu').map(({ kernelName }) => kernelName));

test('every kernel of the cpu backend that is lowered has random cases', () => {
  const lowered = loweringTables.flatMap((table) => Object.keys(table)).filter((kernel) => ofCpu().has(kernel));
  expect(lowered.filter((kernel) => !(kernel in generators))).toEqual([]);
});

test('200 random cases have the values of the cpu backend', async () => {
  for await (const { seed, kernel, verdict, detail } of fuzz(0, 200)) {
    expect(['equal', 'invalid', 'refused'], `${kernel}, seed ${seed}: ${detail}`).toContain(verdict.kind);
  }
});

test('every gradient of TensorFlow.js is traced and has the values of the cpu backend', async () => {
  const differentiable = Object.keys(generators).filter((kernel) => tf.getGradient(kernel) && kernel !== 'ComplexAbs'); // no graph has a complex input
  expect(differentiable.length).toBeGreaterThan(90);
  const untraced: string[] = [];
  for (const kernel of differentiable) if (!(await hasGradient(kernel))) untraced.push(kernel);
  expect(untraced).toEqual([]);
});

/** Whether one of the first cases of a kernel has equal gradients: TensorFlow.js refuses to differentiate others. */
async function hasGradient(kernel: string): Promise<boolean> {
  for (let seed = 1; seed < 40; seed++) {
    const fuzzCase = differentiated(generators[kernel]!(new Draw(seed)));
    if (fuzzCase.gradients!.length > 0 && (await compare(fuzzCase)).kind === 'equal') return true;
  }
  return false;
}

function differentiated(fuzzCase: FuzzCase): FuzzCase {
  if (fuzzCase.gradients && fuzzCase.gradients.length > 0) return fuzzCase;
  const floats = Object.entries(fuzzCase.inputs).filter(([, { dtype }]) => dtype === undefined);
  const all = floats.length > 0 ? floats : Object.entries(fuzzCase.inputs);
  return { ...fuzzCase, gradients: all.map(([name]) => name) };
}
