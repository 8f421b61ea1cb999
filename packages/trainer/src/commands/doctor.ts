/** `unroll doctor`: lists the tools on this machine, and how to get the missing ones. */
import type { Command } from 'commander';
import type { Check } from '../diagnosis/check.js';
import { UnrollError } from '../errors.js';
import { addExamples, jsonOption, printResult } from './options.js';

export function addDoctor(program: Command): void {
  const command = program
    .command('doctor')
    .description('say what this machine has for training and export, and how to get the rest')
    .addOption(jsonOption())
    .action(async ({ json }: { json?: boolean }) => {
      const { diagnose } = await import('../diagnosis/diagnose.js');
      const { checks, fault } = await diagnose();
      await printResult(json, { checks }, () => checks.map(describe).join('\n'));
      if (fault) throw new UnrollError(`${fault.name}: ${fault.detail}; ${fault.remedy}`);
    });
  addExamples(command, 'doctor', 'doctor --json');
}

function describe({ name, status, detail, remedy }: Check): string {
  return `${status.padEnd(8)}${name}: ${detail}${remedy ? `\n${' '.repeat(8)}→ ${remedy}` : ''}`;
}
