/** Runs all checks of a machine, one after another, because each may use all cores and a whole GPU. */
import type { Check } from './check.js';
import { checkCuda, checkOnnxRuntime, checkTensorFlow, checkTensorFlowWebGpu, checkWebGpu } from './engines.js';
import { checkMachine, checkNode, checkUnroll } from './machine.js';
import { checkChromium, checkPython } from './tools.js';

type Examination = () => Check | Promise<Check>;

/** Checks of what Unroll cannot work without. */
const required: readonly Examination[] = [checkNode, checkOnnxRuntime];
const optional: readonly Examination[] = [
  checkCuda,
  checkWebGpu,
  checkTensorFlow,
  checkTensorFlowWebGpu,
  checkChromium,
  checkPython,
];

export interface Diagnosis {
  readonly checks: readonly Check[];
  /** The first failed check among the required ones. */
  readonly fault: Check | undefined;
}

export async function diagnose(): Promise<Diagnosis> {
  const needed = await examine(required);
  const checks = [checkUnroll(), checkMachine(), ...needed, ...(await examine(optional))];
  return { checks, fault: needed.find(({ status }) => status !== 'ok') };
}

async function examine(examinations: readonly Examination[]): Promise<Check[]> {
  const checks: Check[] = [];
  for (const run of examinations) checks.push(await run());
  return checks;
}
