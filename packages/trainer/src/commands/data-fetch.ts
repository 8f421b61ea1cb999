/** `unroll data fetch`: downloads a published corpus. */
import type { Command } from 'commander';
import { CORPUS_SOURCES } from '../data/fetch/sources.js';
import { UsageError } from '../errors.js';
import { interruptible } from '../terminal/interrupt.js';
import { addExamples, jsonOption, printResult } from './options.js';

interface FetchFlags {
  out: string;
  mirror?: string;
  json?: boolean;
}

const corpora = Object.entries(CORPUS_SOURCES);

export function addFetch(data: Command): void {
  const command = data
    .command('fetch')
    .description('download a published corpus, verify it and unpack it; an interrupted download goes on')
    .argument('<name>', 'the corpus')
    .requiredOption('--out <dir>', 'the folder in which the corpus gets a folder of its name')
    .option('--mirror <url>', 'where the same files lie under the same names')
    .addOption(jsonOption())
    .addHelpText('after', `\nCorpora:\n${corpora.map(([name, { about }]) => `  ${name}: ${about}\n`).join('')}`)
    .action(async (name: string, { out, mirror, json }: FetchFlags) => {
      if (!Object.hasOwn(CORPUS_SOURCES, name)) {
        throw new UsageError(`${name}: no such corpus; choose ${corpora.map(([known]) => known).join(', ')}`);
      }
      const { downloadCorpus } = await import('../data/fetch/download-corpus.js');
      const folder = await interruptible((signal) => downloadCorpus(name, out, mirror, signal));
      await printResult(json, { corpus: name, folder }, () => `${folder}: ${name} is complete`);
    });
  addExamples(command, 'data fetch ptb --out data', 'train --data data/ptb --preset zaremba-small --out runs/ptb');
}
