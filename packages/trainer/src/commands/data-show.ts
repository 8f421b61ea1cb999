/** `unroll data show`: describes the contents of a corpus. */
import type { Command } from 'commander';
import type { SplitSummary } from '../data/corpus-summary.js';
import { EMBEDDED_CORPUS } from '../data/embedded-corpus.js';
import { addExamples, jsonOption, printResult } from './options.js';

export function addShow(data: Command): void {
  const command = data
    .command('show')
    .description('say what a corpus holds: the files of each part, sizes, tokens and the vocabulary, in words')
    .argument('<path>', `a corpus's folder, a text file, or '${EMBEDDED_CORPUS}' for the embedded corpus`)
    .addOption(jsonOption())
    .action(async (path: string, { json }: { json?: boolean }) => {
      const { summarizeCorpus } = await import('../data/corpus-summary.js');
      const { corpus, vocabulary, splits } = await summarizeCorpus(path);
      await printResult(json, { corpus, vocabulary, ...splits }, () =>
        [
          `${corpus}: ${vocabulary} different words in the training text, <unk> and <eos> included`,
          ...Object.entries(splits).map(describeSplit),
        ].join('\n'),
      );
    });
  addExamples(command, 'data show data/ptb', 'data show grammar --json');
}

function describeSplit([name, { files, bytes, tokens, unknown }]: [string, SplitSummary]): string {
  const shown = files.length > 3 ? `${files[0]} and ${files.length - 1} more` : files.join(', ');
  return `${name}: ${tokens} tokens, ${unknown} of them unknown, ${bytes} bytes${shown ? ` (${shown})` : ''}`;
}
