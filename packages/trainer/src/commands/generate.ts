/** `unroll generate`: text that a model writes after a prompt, streamed as it is generated. */

import type { GeneratedToken } from '@unroll/edge-runtime';
import { counted } from '@unroll/param-server/config';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { GenerationRequest } from '../library/generate.js';
import { requireOneSource } from '../library/one-source.js';
import { interruptible } from '../terminal/interrupt.js';
import { log } from '../terminal/log.js';
import { nonNegativeInteger, nonNegativeNumber, positiveInteger } from '../terminal/number-arguments.js';
import { print } from '../terminal/output.js';
import { addModelFlags, type ModelFlags } from './model-flags.js';
import { addExamples, addFormerFlag, jsonOption } from './options.js';

interface GenerateFlags extends ModelFlags {
  prompt: string;
  maxTokens: number;
  temperature: number;
  topK?: number;
  topP?: number;
  seed: number;
  beamWidth?: number;
  json?: boolean;
}

interface GenerateResult {
  /** The model's text, without the prompt. */
  readonly text: string;
  readonly tokens: number;
  readonly tokensPerSecond: number;
}

export function addGenerate(program: Command): void {
  const command = program
    .command('generate')
    .description('write text after a prompt; Ctrl-C ends it early, and what is written by then is the result');
  addModelFlags(command)
    .requiredOption('--prompt <text>', 'the beginning of the text; "" for the beginning of a line')
    .option('--max-tokens <n>', 'how many tokens to write at most', positiveInteger, 100)
    .option('--temperature <x>', 'below 1 surer, above 1 wilder, 0 always the likeliest token', nonNegativeNumber, 1)
    .option('--top-k <n>', 'draw from the n likeliest tokens only (default: from all)', positiveInteger)
    .option(
      '--top-p <p>',
      'draw from the fewest likeliest tokens that reach this probability (default: from all)',
      probabilityMass,
    )
    .option('--seed <n>', 'the same seed writes the same text', nonNegativeInteger, 0)
    .addOption(
      new Option('--beam-width <n>', 'write the most probable text, by beam search of this width, instead of drawing')
        .argParser(positiveInteger)
        .conflicts(['temperature', 'topK', 'topP', 'seed']),
    )
    .addOption(jsonOption())
    .action(async (flags: GenerateFlags) => {
      requireOneSource(flags);
      const { openModel } = await import('../library/model-source.js');
      await using model = await openModel(flags);
      const { generateWith } = await import('../library/generate.js');
      if (!flags.json) await print(flags.prompt);
      const result = await interruptible((signal) => write((request) => generateWith(model, request), flags, signal));
      if (flags.json) {
        await print(`${JSON.stringify(result)}\n`);
      } else {
        await print('\n');
        log(`${counted(result.tokens, 'token')}, ${result.tokensPerSecond} tokens/s`);
      }
    });
  addFormerFlag(command, '--tokens', '--max-tokens');
  addExamples(
    command,
    'generate --checkpoint runs/first --prompt "the dog" --max-tokens 20',
    'generate --bundle bundles/first --prompt "" --temperature 0.8 --top-p 0.9 --seed 7 --json',
    'generate --checkpoint runs/first --prompt "anna" --beam-width 4',
  );
}

function probabilityMass(text: string): number {
  const value = Number(text);
  if (value > 0 && value <= 1) return value;
  throw new InvalidArgumentError('It must be a number above 0 and at most 1.');
}

async function write(
  generate: (request: GenerationRequest) => AsyncGenerator<GeneratedToken>,
  { prompt, maxTokens, temperature, topK, topP, seed, beamWidth, json }: GenerateFlags,
  signal: AbortSignal,
): Promise<GenerateResult> {
  const started = performance.now();
  let text = '';
  let tokens = 0;
  try {
    const request = { prompt, maxTokens, temperature, topK, topP, seed, beamWidth, signal };
    for await (const token of generate(request)) {
      if (!json) await print(token.text);
      text += token.text;
      tokens += 1;
    }
  } catch (error) {
    // An interrupt is not an error: the reader has seen enough.
    if (!signal.aborted) throw error;
  }
  return { text, tokens, tokensPerSecond: Math.round((tokens * 1000) / (performance.now() - started)) };
}
