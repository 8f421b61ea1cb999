/** `unroll doctor`: what this machine has, and how to get the rest. */
import type { Command } from 'commander';
import type { Check } from '../diagnosis/check.js';
import {
  checkCuda,
  checkOnnxRuntime,
  checkTensorFlow,
  checkTensorFlowWebGpu,
  checkWebGpu,
} from '../diagnosis/engines.js';
import { checkMachine, checkNode, checkUnroll } from '../diagnosis/machine.js';
import { checkChromium, checkPython } from '../diagnosis/tools.js';
import { UnrollError } from '../errors.js';
import { addExamples, jsonOption, printResult } from './options.js';

type Examination = () => Check | Promise<Check>;

/** Unroll cannot work without these. */
const required: readonly Examination[] = [checkNode, checkOnnxRuntime];
const optional: readonly Examination[] = [
  checkCuda,
  checkWebGpu,
  checkTensorFlow,
  checkTensorFlowWebGpu,
  checkChromium,
  checkPython,
];

export function addDoctor(program: Command): void {
  const command = program
    .command('doctor')
    .description('say what this machine has for training and export, and how to get the rest')
    .addOption(jsonOption())
    .action(async ({ json }: { json?: boolean }) => {
      const needed = await examine(required);
      const checks = [checkUnroll(), checkMachine(), ...needed, ...(await examine(optional))];
      printResult(json, { checks }, () => checks.map(describe).join('\n'));
      const fault = needed.find(({ status }) => status !== 'ok');
      if (fault) throw new UnrollError(`${fault.name}: ${fault.detail}; ${fault.remedy}`);
    });
  addExamples(command, 'doctor', 'doctor --json');
}

/** One after the other: each may use all cores and a whole GPU. */
async function examine(examinations: readonly Examination[]): Promise<Check[]> {
  const checks: Check[] = [];
  for (const run of examinations) checks.push(await run());
  return checks;
}

function describe({ name, status, detail, remedy }: Check): string {
  return `${status.padEnd(8)}${name}: ${detail}${remedy ? `\n${' '.repeat(8)}→ ${remedy}` : ''}`;
}
