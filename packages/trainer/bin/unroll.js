#!/usr/bin/env node
// The `unroll` command: what must be so before anything else is loaded. Its subcommands are in src/cli.ts.
import { createRequire } from 'node:module';
import { endWithLauncher } from '../dist/cluster/end-with-launcher.js';

endWithLauncher(process);
// A failure is one line of ours, to which libraries add none.
process.noDeprecation = true;
process.env.GRPC_VERBOSITY ??= 'NONE';
// A user's module imports our packages. A process that loads one runs from the same files, to have one copy of each; all
// others run from the files that `scripts/bundle-command.mjs` has joined, which load in half the time.
const loadsModule =
  process.argv.some((argument) => /^--module(=|$)/.test(argument)) ||
  /"kind":"module"/.test(process.env.UNROLL_JOB ?? '');
const { main } = loadsModule
  ? await import('../dist/cli.js')
  : createRequire(import.meta.url)('../dist/command/main.cjs');
process.exitCode = await main(process.argv.slice(2));
