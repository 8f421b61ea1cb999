/** `unroll score`: the probability of a text under a model, token by token. */
import { counted } from '@unroll/param-server/config';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { requireOneSource } from '../library/one-source.js';
import type { TextScore } from '../library/score.js';
import { addModelFlags, type ModelFlags } from './model-flags.js';
import { addExamples, jsonOption, printResult } from './options.js';

interface ScoreFlags extends ModelFlags {
  text?: string;
  ids?: readonly number[];
  json?: boolean;
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
      requireOneSource(flags);
      const { scoreText } = await import('../library/score.js');
      const result = await scoreText(flags);
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

function table({ tokens, logProbability, tokenLogProbabilities, perplexity, unknown }: TextScore): string {
  const names = tokens.map((token) => JSON.stringify(token).slice(1, -1));
  const width = Math.max(...names.map((name) => name.length), 'token'.length) + 2;
  const rows = names.map((name, k) => `${name.padEnd(width)}${Math.exp(tokenLogProbabilities[k]!).toPrecision(4)}`);
  return [
    `${'token'.padEnd(width)}probability`,
    ...rows,
    `log-probability ${logProbability.toFixed(4)} (natural logarithm)`,
    `perplexity ${perplexity.toFixed(2)} over ${counted(tokens.length, 'token')}, ${unknown} of them <unk>`,
  ].join('\n');
}
