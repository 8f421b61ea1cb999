import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { createProgram } from '../cli.js';

/** Returns commands by their full names, including subcommands. */
function commandsOf(command: Command, prefix = ''): [string, Command][] {
  return command.commands.flatMap((child): [string, Command][] => {
    const name = `${prefix}${child.name()}`;
    return [[name, child], ...commandsOf(child, `${name} `)];
  });
}

function helpOf(command: Command): string {
  let help = '';
  command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
  return help;
}

const commands = commandsOf(createProgram());
const leaves = commands.filter(([, command]) => command.commands.length === 0);

test('unroll has the commands that its documentation names', () => {
  expect(commands.map(([name]) => name).toSorted()).toEqual([
    ...['convert', 'dashboard', 'data', 'data fetch', 'data grammar', 'data show', 'doctor', 'eval'],
    ...['export', 'export-weights'],
    ...['features', 'gateway', 'generate', 'import', 'launch', 'node', 'param-server', 'runs', 'score', 'sweep'],
    ...['train', 'worker'],
  ]);
});

describe.each(commands)('unroll %s', (_, command) => {
  test('says what it does', () => {
    expect(command.description()).not.toBe('');
  });

  test('describes every option and argument', () => {
    const undescribed = [...command.options.map(({ flags, description }) => ({ flags, description }))]
      .concat(command.registeredArguments.map((argument) => ({ flags: argument.name(), ...argument })))
      .filter(({ description }) => !description);
    expect(undescribed).toEqual([]);
  });
});

test.each(leaves)('unroll %s ends its help with examples, of commands that exist', (name, command) => {
  const [, examples] = helpOf(command).split('\nExamples:\n');
  const lines = examples?.trim().split('\n') ?? [];
  const isOf = (line: string, command: string) => `${line.trim()} `.startsWith(`unroll ${command} `);
  expect(lines.some((line) => isOf(line, name))).toBe(true);
  for (const line of lines) {
    expect(leaves.some(([known]) => isOf(line, known))).toBe(true);
    for (const [, flag] of line.matchAll(/ (--[a-z-]+)/g)) {
      const used = leaves.find(([known]) => isOf(line, known))![1];
      expect(used.options.map(({ long }) => long)).toContain(flag);
    }
  }
});
