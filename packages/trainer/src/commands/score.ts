/** `unroll score`: the probability of a text under a model, token by token. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { DecodingModel } from '../decoding/decoding-model.js';
import { UsageError } from '../errors.js';
import { addModelFlags, type ModelFlags, openModel, warnOfUnknown } from './model-flags.js';
import { addExamples, jsonOption, printResult } from './options.js';

interface ScoreFlags extends ModelFlags {
  text?: string;
  ids?: readonly number[];
  json?: boolean;
}

interface ScoreResult {
  readonly tokens: readonly string[];
  /** Natural logarithms. */
  readonly logProbability: number;
  readonly tokenLogProbabilities: readonly number[];
  /** exp(−logProbability / number of tokens) */
  readonly perplexity: number;
  /** The number of tokens that the vocabulary lacks. */
  readonly unknown: number;
}

export function addScore(program: Command): void {
  const command = program
    .command('score')
    .description('print how probable a text is, token by token, as the start of a line; no line end is added to it');
  addModelFlags(command)
    .option('--text <text>', 'the text')
    .addOption(
      new Option('--ids <list>', 'token ids instead of a text, separated by spaces')
        .argParser(idList)
        .conflicts('text'),
    )
    .addOption(jsonOption())
    .action(async (flags: ScoreFlags) => {
      if (flags.text === undefined && flags.ids === undefined) throw new UsageError('give --text or --ids');
      await using model = await openModel(flags);
      if (flags.text !== undefined) await warnOfUnknown(model.tokenizer, '--text', flags.text);
      const result = await score(model, flags);
      await printResult(flags.json, result, () => table(result));
    });
  addExamples(
    command,
    'score --checkpoint runs/first --text "the dog sees anna"',
    'score --bundle bundles/first --ids "3 1 4" --json',
  );
}

function idList(text: string): number[] {
  const ids = text.split(/[\s,]+/).filter((id) => id !== '');
  if (ids.length === 0 || !ids.every((id) => /^\d+$/.test(id))) {
    throw new InvalidArgumentError('It must be non-negative integers separated by spaces.');
  }
  return ids.map(Number);
}

async function score(model: DecodingModel, { text, ids: given }: ScoreFlags): Promise<ScoreResult> {
  const { tokenizer } = model;
  const ids = given ?? tokenizer.encode(text!);
  const foreign = ids.find((id) => id >= tokenizer.vocabSize);
  if (foreign !== undefined) {
    throw new UsageError(
      `--ids: ${foreign} is no token; the vocabulary's ids run from 0 to ${tokenizer.vocabSize - 1}`,
    );
  }
  const { logProbability, tokenLogProbabilities, perplexity } = await model.scoreIds(ids);
  const unknown = ids.filter((id) => id === tokenizer.unkId).length;
  return { tokens: ids.map((id) => tokenizer.token(id)), logProbability, tokenLogProbabilities, perplexity, unknown };
}

function table({ tokens, logProbability, tokenLogProbabilities, perplexity, unknown }: ScoreResult): string {
  const names = tokens.map((token) => JSON.stringify(token).slice(1, -1));
  const width = Math.max(...names.map((name) => name.length), 'token'.length) + 2;
  const rows = names.map((name, k) => `${name.padEnd(width)}${Math.exp(tokenLogProbabilities[k]!).toPrecision(4)}`);
  return [
    `${'token'.padEnd(width)}probability`,
    ...rows,
    `log-probability ${logProbability.toFixed(4)} (natural logarithm)`,
    `perplexity ${perplexity.toFixed(2)} over ${tokens.length} tokens, ${unknown} of them <unk>`,
  ].join('\n');
}
