/** Describes a corpus: its files, sizes and vocabulary. */
import type { Tokenizer } from '@unroll/core/text';
import { log } from '../terminal/log.js';
import { megabytes, Progress } from '../terminal/progress.js';
import { type CorpusSplit, loadCorpus } from './corpus.js';
import { encodedBlocks } from './encoding.js';
import { learnTokenizer } from './learn-tokenizer.js';

export interface SplitSummary {
  readonly files: readonly string[];
  readonly bytes: number;
  /** Number of words, plus one token for each line end. */
  readonly tokens: number;
  /** Number of tokens that the training text lacks or writes as `<unk>`. */
  readonly unknown: number;
}

export interface CorpusSummary {
  /** The corpus's name. */
  readonly corpus: string;
  /** Number of distinct words in the training text. */
  readonly vocabulary: number;
  readonly splits: Readonly<Record<'train' | 'valid' | 'test', SplitSummary>>;
}

/**
 * Counts the tokens of a corpus.
 * @throws UnrollError naming a file that is missing or cannot be read
 */
export async function summarizeCorpus(path: string): Promise<CorpusSummary> {
  const corpus = loadCorpus(path);
  for (const line of corpus.skipped) log(line);
  const tokenizer = await learnTokenizer('word', corpus.train, {});
  const summary = (label: string, split: CorpusSplit): SplitSummary => {
    return { files: split.files, bytes: split.bytes, ...countTokens(label, split, tokenizer) };
  };
  const splits = {
    train: summary('train', corpus.train),
    valid: summary('valid', corpus.valid),
    test: summary('test', corpus.test),
  };
  return { corpus: corpus.name, vocabulary: tokenizer.vocabSize, splits };
}

function countTokens(
  label: string,
  split: CorpusSplit,
  tokenizer: Tokenizer,
): Pick<SplitSummary, 'tokens' | 'unknown'> {
  const progress = new Progress(label, megabytes(split.bytes), 'MB');
  let [done, tokens, unknown] = [0, 0, 0];
  try {
    for (const texts of split.shards) {
      for (const { ids, bytes } of encodedBlocks(tokenizer, texts)) {
        for (const id of ids) if (id === tokenizer.unkId) unknown++;
        tokens += ids.length;
        done = Math.min(done + bytes, split.bytes);
        progress.update(megabytes(done));
      }
    }
    return { tokens, unknown };
  } finally {
    progress.stop();
  }
}
