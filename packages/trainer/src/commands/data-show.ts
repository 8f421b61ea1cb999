/** `unroll data show`: what a corpus holds. */
import { type Tokenizer, trainTokenizer } from '@unroll/core/text';
import type { Command } from 'commander';
import { type CorpusSplit, EMBEDDED_CORPUS, loadCorpus } from '../data/corpus.js';
import { encodedBlocks } from '../data/encoding.js';
import { megabytes, Progress } from '../terminal/progress.js';
import { addExamples, jsonOption, printResult } from './options.js';

interface SplitSummary {
  readonly files: readonly string[];
  readonly bytes: number;
  /** Words, and one line end a line. */
  readonly tokens: number;
  /** Of the tokens, those that the training text lacks or writes as `<unk>`. */
  readonly unknown: number;
}

export function addShow(data: Command): void {
  const command = data
    .command('show')
    .description('say what a corpus holds: the files of each part, sizes, tokens and the vocabulary, in words')
    .argument('<path>', `a corpus's folder, a text file, or '${EMBEDDED_CORPUS}' for the embedded corpus`)
    .addOption(jsonOption())
    .action((path: string, { json }: { json?: boolean }) => {
      const corpus = loadCorpus(path);
      const tokenizer = trainTokenizer('word', corpus.train.texts());
      const summary = (label: string, split: CorpusSplit): SplitSummary => {
        return { files: split.files, bytes: split.bytes, ...countTokens(label, split, tokenizer) };
      };
      const splits = {
        train: summary('train', corpus.train),
        valid: summary('valid', corpus.valid),
        test: summary('test', corpus.test),
      };
      const result = { corpus: corpus.name, vocabulary: tokenizer.vocabSize, ...splits };
      printResult(json, result, () =>
        [
          `${corpus.name}: ${tokenizer.vocabSize} different words in the training text, <unk> and <eos> included`,
          ...Object.entries(splits).map(describeSplit),
        ].join('\n'),
      );
    });
  addExamples(command, 'data show data/ptb', 'data show grammar --json');
}

function countTokens(
  label: string,
  split: CorpusSplit,
  tokenizer: Tokenizer,
): Pick<SplitSummary, 'tokens' | 'unknown'> {
  const progress = new Progress(label, megabytes(split.bytes), 'MB');
  let [done, tokens, unknown] = [0, 0, 0];
  try {
    for (const { ids, bytes } of encodedBlocks(tokenizer, split.texts())) {
      for (const id of ids) if (id === tokenizer.unkId) unknown++;
      tokens += ids.length;
      done = Math.min(done + bytes, split.bytes);
      progress.update(megabytes(done));
    }
    return { tokens, unknown };
  } finally {
    progress.stop();
  }
}

function describeSplit([name, { files, bytes, tokens, unknown }]: [string, SplitSummary]): string {
  const shown = files.length > 3 ? `${files[0]} and ${files.length - 1} more` : files.join(', ');
  return `${name}: ${tokens} tokens, ${unknown} of them unknown, ${bytes} bytes${shown ? ` (${shown})` : ''}`;
}
