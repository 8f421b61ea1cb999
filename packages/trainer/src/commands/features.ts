/** `unroll features`: the vectors of each word of a text, by an ELMo that was imported. */
import type { Command } from 'commander';
import type { FeatureExtraction, FeaturesRequest } from '../library/extract-features.js';
import { interruptible } from '../terminal/interrupt.js';
import { addExamples, engineOption, jsonOption, printResult, threadsOption } from './options.js';

interface FeaturesFlags extends Omit<FeaturesRequest, 'carryStates' | 'threads'> {
  readonly carryStates?: true;
  readonly threads?: number;
  readonly json?: boolean;
}

export function addFeatures(program: Command): void {
  const command = program
    .command('features')
    .description("write ELMo's vectors of each word of a text: for each line a tensor [layers, words, 2·projection]")
    .requiredOption('--checkpoint <dir>', "a folder that 'unroll import --from bilm' wrote")
    .requiredOption('--text <file>', 'a sentence a line, its words between white space')
    .requiredOption('--out <file>', 'a new safetensors file, whose tensors are named by the lines: 0, 1, …')
    .option('--carry-states', 'begin each line with the states after the line before, not with zeros')
    .addOption(engineOption())
    .addOption(threadsOption())
    .addOption(jsonOption())
    .action(async (flags: FeaturesFlags) => {
      const { extractTextFeatures } = await import('../library/extract-features.js');
      const { carryStates = false, threads = 0, json, ...rest } = flags;
      const result = await interruptible((signal) => extractTextFeatures({ ...rest, carryStates, threads }, signal));
      await printResult(json, result, () => describe(result));
    });
  addExamples(command, 'features --checkpoint runs/elmo --text sentences.txt --out features.safetensors');
}

function describe({ features, lines, words, bytes, wordsPerSecond }: FeatureExtraction): string {
  return `${features}: ${words} words in ${lines} lines, ${(bytes / 1e6).toFixed(1)} MB, ${Math.round(wordsPerSecond)} words/s`;
}
