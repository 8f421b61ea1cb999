#!/usr/bin/env node
// The `unroll` command: what must be so before anything else is loaded. Its subcommands are in src/cli.ts.
import { endWithLauncher } from '../dist/cluster/end-with-launcher.js';

endWithLauncher(process);
// A failure is one line of ours, to which libraries add none.
process.noDeprecation = true;
process.env.GRPC_VERBOSITY ??= 'NONE';
const { main } = await import('../dist/cli.js');
process.exitCode = await main(process.argv.slice(2));
