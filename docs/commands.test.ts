// The shell commands of the documents: those marked so are run, one document's in one folder and in order; of the others,
// every `unroll` command and npm script must exist and know its flags. It runs the built command: build first.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { codeBlocks, documents, root } from './code-blocks.js';

const execute = promisify(execFile);
const unroll = join(root, 'packages/trainer/bin/unroll.js');

const shellBlocks = documents.flatMap((document) =>
  codeBlocks(document)
    .filter(({ language }) => language === 'sh')
    .map((block) => ({ document, ...block })),
);

/** The commands of a block: one a line, `\` joining lines, comments left out. */
function commandsOf(code: string): string[] {
  const lines = code.replaceAll(/\\\n\s*/g, ' ').split('\n');
  return lines.map((line) => line.replace(/(^|\s)#.*$/, '').trim()).filter((line) => line !== '');
}

const help = new Map<string, Promise<string>>();

/** The output of `unroll <command> --help`. */
function helpOf(command: string): Promise<string> {
  const known = help.get(command);
  if (known) return known;
  const text = execute(process.execPath, [unroll, ...command.split(' '), '--help']).then(({ stdout }) => stdout);
  help.set(command, text);
  return text;
}

const unrollCommands = shellBlocks.flatMap(({ place, code }) =>
  commandsOf(code).flatMap((line) => {
    const [, command, flags] = /(?:^|\s)unroll ((?:data )?[a-z][\w-]*)(.*)$/.exec(line) ?? [];
    return command === undefined ? [] : [{ place, line, command, flags: flags!.match(/(?<=\s)--?[a-z][\w-]*/g) ?? [] }];
  }),
);

test.each(unrollCommands)('$place: unroll $command knows $flags', async ({ command, flags }) => {
  const text = await helpOf(command);
  expect(text).toContain(`Usage: unroll ${command}`);
  expect(flags.filter((flag) => !new RegExp(`(^|[\\s,])${flag}(?![\\w-])`).test(text))).toEqual([]);
});

test('every npm script that the documents name exists', async () => {
  const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { scripts: object };
  const named = shellBlocks.flatMap(({ code }) => [...code.matchAll(/\bnpm run ([\w:-]+)/g)].map((match) => match[1]!));
  expect(named.filter((name) => !(name in scripts))).toEqual([]);
});

const documentsThatRun = [...new Set(shellBlocks.filter(({ isRun }) => isRun).map(({ document }) => document))];

describe.each(documentsThatRun)('%s', (document) => {
  test('its commands succeed one after another', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'unroll-docs-'));
    try {
      await symlink(unroll, join(folder, 'unroll'));
      await symlink(join(root, 'examples'), join(folder, 'examples'));
      const env = { ...process.env, PATH: `${folder}${delimiter}${process.env.PATH}` };
      for (const { code } of shellBlocks.filter((block) => block.document === document && block.isRun)) {
        await execute('bash', ['-euo', 'pipefail', '-c', code], { cwd: folder, env });
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
