/**
 * `unroll data grammar`: writes the embedded corpus as files, and shows the best score that a model of it can reach.
 */
import { join } from 'node:path';
import type { Command } from 'commander';
import { EMBEDDED_CORPUS } from '../data/embedded-corpus.js';
import { UnrollError } from '../errors.js';
import { addExamples, jsonOption, printResult } from './options.js';

const grammarFiles = ['train.txt', 'valid.txt', 'test.txt'];

export function addGrammar(data: Command): void {
  const command = data
    .command('grammar')
    .description(`write the corpus that '${EMBEDDED_CORPUS}' names as text files, and print its entropy`)
    .requiredOption('--out <dir>', 'where train.txt, valid.txt and test.txt go')
    .addOption(jsonOption())
    .action(async ({ out, json }: { out: string; json?: boolean }) => {
      const { inspectFolder, replaceFolder } = await import('../files/result-folder.js');
      const { GRAMMAR_CORPUS_DEFAULTS, GRAMMAR_ENTROPY, grammarCorpus, grammarPerplexity } = await import(
        '../data/grammar/grammar-corpus.js'
      );
      if ((await inspectFolder(out, grammarFiles)) === 'foreign') {
        throw new UnrollError(`${out}: holds other files, which would be lost; choose another --out`);
      }
      const { train, valid, test } = grammarCorpus(GRAMMAR_CORPUS_DEFAULTS);
      await replaceFolder(out, { 'train.txt': train, 'valid.txt': valid, 'test.txt': test });
      const result = {
        folder: out,
        entropyNatsPerToken: GRAMMAR_ENTROPY.natsPerToken,
        lowestPerplexity: GRAMMAR_ENTROPY.perplexity,
        lowestValidPerplexity: grammarPerplexity(valid),
        lowestTestPerplexity: grammarPerplexity(test),
      };
      await printResult(
        json,
        result,
        () =>
          `${grammarFiles.map((file) => join(out, file)).join(', ')}\n` +
          `entropy ${result.entropyNatsPerToken.toFixed(4)} nats a token; lowest expected perplexity ` +
          `${result.lowestPerplexity.toFixed(4)}; the grammar's own is ${result.lowestValidPerplexity.toFixed(4)} ` +
          `on valid.txt and ${result.lowestTestPerplexity.toFixed(4)} on test.txt`,
      );
    });
  addExamples(command, 'data grammar --out data/grammar');
}
