/** `unroll eval`: the loss and perplexity of a checkpoint over a part of a corpus. */
import { counted } from '@unroll/param-server/config';
import { type Command, Option } from 'commander';
import { EMBEDDED_CORPUS } from '../data/embedded-corpus.js';
import type { EngineName } from '../engines/engine-names.js';
import type { Evaluation } from '../library/evaluate.js';
import { interruptible } from '../terminal/interrupt.js';
import { type AdaptationFlags, adaptationSettings, addAdaptationFlags } from './adaptation-flags.js';
import { addExamples, engineOption, jsonOption, printResult, threadsOption } from './options.js';

interface EvalFlags extends AdaptationFlags {
  checkpoint: string;
  data?: string;
  module?: string;
  split: 'train' | 'valid' | 'test';
  engine: EngineName;
  threads?: number;
  json?: boolean;
}

export function addEval(program: Command): void {
  const command = program
    .command('eval')
    .description(
      'measure a checkpoint: its perplexity, in which every token counts once, or the metrics of its application',
    )
    .requiredOption('--checkpoint <dir>', "a folder that 'unroll train' wrote")
    .option(
      '--data <path>',
      `a corpus's folder, a text file, or '${EMBEDDED_CORPUS}' for the embedded corpus; the data of an application`,
    )
    .option('--module <file>', 'in place of --data: the module that a model of yours was trained from')
    .addOption(
      new Option('--split <name>', 'which part of the corpus').choices(['train', 'valid', 'test']).default('test'),
    )
    .addOption(engineOption())
    .addOption(threadsOption());
  addAdaptationFlags(command)
    .addOption(jsonOption())
    .action(async (flags: EvalFlags) => {
      const settings = adaptationSettings(flags);
      const { evaluateModel } = await import('../library/evaluate.js');
      const request = { ...flags, threads: flags.threads ?? 0 };
      const result = await interruptible((signal) => evaluateModel(request, settings, signal));
      await printResult(flags.json, result, () => describe(result));
    });
  addExamples(
    command,
    'eval --checkpoint runs/first --data grammar',
    'eval --checkpoint runs/ptb --data data/ptb --split valid --json',
    'eval --checkpoint runs/ptb --data data/ptb --dynamic --cache 500',
    'eval --checkpoint runs/mine --module ./my-training.mjs',
  );
}

function describe(result: Evaluation): string {
  if ('task' in result) {
    const values = Object.entries(result.metrics).map(([name, value]) => `${name} ${value.toFixed(4)}`);
    return `${result.split}: ${values.join(', ')} over ${counted(result.examples, 'example')}`;
  }
  const { split, tokens, loss, perplexity, lowestPerplexity: lowest, dynamic, cache } = result;
  const learning = dynamic ? `, learning by ${dynamic.rule} from segments of ${dynamic.segment}` : '';
  const caching = cache ? `, with a cache of ${cache.size}` : '';
  const floor = lowest === undefined ? '' : `; no model can expect less than ${lowest.toFixed(4)}`;
  return `${split}: perplexity ${perplexity.toFixed(4)}, loss ${loss.toFixed(4)} nats over ${counted(tokens, 'token')}${learning}${caching}${floor}`;
}
