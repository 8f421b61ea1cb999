/** `unroll dashboard`: serves the page of runs from their folders, finished or going on. */
import { once } from 'node:events';
import type { Command } from 'commander';
import { interruptible } from '../terminal/interrupt.js';
import { log } from '../terminal/log.js';
import { addExamples } from './options.js';

interface DashboardFlags {
  address?: string;
  insecurePublic?: boolean;
}

export function addDashboard(program: Command): void {
  const command = program
    .command('dashboard')
    .description('serve a page of runs, finished or going on, with their curves overlaid')
    .argument('<dir...>', 'folders of runs, or folders that hold such')
    .option('--address <address>', 'the port or host:port to listen on (default: 127.0.0.1:7070)')
    .option('--insecure-public', 'serve other machines: whoever reaches the port can read the page')
    .action(serveRuns);
  addExamples(command, 'dashboard runs/ptb', 'dashboard sweeps/rates --address 7071');
}

async function serveRuns(places: string[], { address, insecurePublic = false }: DashboardFlags): Promise<void> {
  const { defaultPageAddress, parsePageAddress } = await import('../dashboard/page-address.js');
  const { showRuns } = await import('../dashboard/show-runs.js');
  const page = address === undefined ? defaultPageAddress : parsePageAddress(address, insecurePublic, '--address');
  const server = await showRuns(places, { flag: '--address', ...page });
  log(`dashboard: ${server.url} (Ctrl-C ends it)`);
  await interruptible(async (signal) => {
    if (!signal.aborted) await once(signal, 'abort');
  });
  await server.close();
}
