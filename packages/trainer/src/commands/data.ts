/** `unroll data`: fetches published corpora, shows what a corpus holds, and writes the embedded one. */
import { join } from 'node:path';
import { trainTokenizer } from '@unroll/core/text';
import type { Command } from 'commander';
import { inspectFolder, replaceFolder } from '../checkpoint/folder.js';
import { type CorpusSplit, EMBEDDED_CORPUS, loadCorpus } from '../data/corpus.js';
import { encodeSplit } from '../data/encoding.js';
import type { DownloadProgress } from '../data/fetch/download.js';
import { fetchCorpus } from '../data/fetch/fetch-corpus.js';
import { CORPUS_SOURCES } from '../data/fetch/sources.js';
import {
  GRAMMAR_CORPUS_DEFAULTS,
  GRAMMAR_ENTROPY,
  grammarCorpus,
  grammarPerplexity,
} from '../data/grammar/grammar-corpus.js';
import { UnrollError, UsageError } from '../errors.js';
import { interruptible } from '../terminal/interrupt.js';
import { Progress } from '../terminal/progress.js';
import { addExamples, jsonOption, printResult } from './options.js';

export function addData(program: Command): void {
  const data = program.command('data').description('fetch, show and write texts to train on');
  addFetch(data);
  addShow(data);
  addGrammar(data);
}

interface FetchFlags {
  out: string;
  mirror?: string;
  json?: boolean;
}

const corpora = Object.entries(CORPUS_SOURCES);

function addFetch(data: Command): void {
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

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e5) / 10;
}

interface SplitSummary {
  readonly files: readonly string[];
  readonly bytes: number;
  /** Words, and one line end a line. */
  readonly tokens: number;
  /** Of the tokens, those that the training text lacks or writes as `<unk>`. */
  readonly unknown: number;
}

function addShow(data: Command): void {
  const command = data
    .command('show')
    .description('say what a corpus holds: the files of each part, sizes, tokens and the vocabulary, in words')
    .argument('<path>', `a corpus's folder, a text file, or '${EMBEDDED_CORPUS}' for the embedded corpus`)
    .addOption(jsonOption())
    .action((path: string, { json }: { json?: boolean }) => {
      const corpus = loadCorpus(path);
      const tokenizer = trainTokenizer('word', corpus.train.texts());
      const summary = (label: string, split: CorpusSplit): SplitSummary => {
        const ids = encoded(label, split, tokenizer);
        const unknown = ids.reduce((count, id) => count + (id === tokenizer.unkId ? 1 : 0), 0);
        return { files: split.files, bytes: split.bytes, tokens: ids.length, unknown };
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

function encoded(label: string, split: CorpusSplit, tokenizer: ReturnType<typeof trainTokenizer>): Int32Array {
  const progress = new Progress(label, megabytes(split.bytes), 'MB');
  try {
    return encodeSplit(tokenizer, split, (doneBytes) => progress.update(megabytes(doneBytes)));
  } finally {
    progress.stop();
  }
}

function describeSplit([name, { files, bytes, tokens, unknown }]: [string, SplitSummary]): string {
  const shown = files.length > 3 ? `${files[0]} and ${files.length - 1} more` : files.join(', ');
  return `${name}: ${tokens} tokens, ${unknown} of them unknown, ${bytes} bytes${shown ? ` (${shown})` : ''}`;
}

const grammarFiles = ['train.txt', 'valid.txt', 'test.txt'];

function addGrammar(data: Command): void {
  const command = data
    .command('grammar')
    .description(`write the corpus that '${EMBEDDED_CORPUS}' names as text files, and print its entropy`)
    .requiredOption('--out <dir>', 'where train.txt, valid.txt and test.txt go')
    .addOption(jsonOption())
    .action(async ({ out, json }: { out: string; json?: boolean }) => {
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
      printResult(
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
