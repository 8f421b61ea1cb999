/** `unroll data fetch`: downloads a published corpus. */
import type { Command } from 'commander';
import type { DownloadProgress } from '../data/fetch/download.js';
import { fetchCorpus } from '../data/fetch/fetch-corpus.js';
import { CORPUS_SOURCES } from '../data/fetch/sources.js';
import { UsageError } from '../errors.js';
import { interruptible } from '../terminal/interrupt.js';
import { megabytes, Progress } from '../terminal/progress.js';
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
      const folder = await interruptible((signal) => download(name, out, mirror, signal));
      printResult(json, { corpus: name, folder }, () => `${folder}: ${name} is complete`);
    });
  addExamples(command, 'data fetch ptb --out data', 'train --data data/ptb --preset zaremba-small --out runs/ptb');
}

async function download(name: string, out: string, mirror: string | undefined, signal: AbortSignal): Promise<string> {
  const bars = new Map<string, Progress>();
  const onProgress = ({ url, receivedBytes, totalBytes }: DownloadProgress) => {
    if (totalBytes === undefined) return;
    let bar = bars.get(url);
    if (!bar) {
      for (const finished of bars.values()) finished.stop();
      bar = new Progress(url.slice(url.lastIndexOf('/') + 1), megabytes(totalBytes), 'MB');
      bars.set(url, bar);
    }
    bar.update(megabytes(receivedBytes));
  };
  try {
    return await fetchCorpus(name, out, { mirror, signal, onProgress });
  } finally {
    for (const bar of bars.values()) bar.stop();
  }
}
