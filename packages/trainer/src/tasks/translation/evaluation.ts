/** Evaluates a translation model: its perplexity on the targets, and the BLEU of its translations by beam search. */
import { corpusBleu, type Program, type TranslationConfig } from '@unroll/core';
import { type RunStep, translateIds } from '@unroll/core/decoding';
import { decoderStepProgram, encoderStepProgram, translationEvaluationProgram } from '@unroll/core/internal';
import { divideOutputs, nextOf } from '@unroll/core/onnx';
import type { Tokenizer } from '@unroll/core/text';
import { Progress } from '../../terminal/progress.js';
import { evaluatedBatch } from '../example-batches.js';
import { sortedBatches } from '../length-buckets.js';
import type { HeldOutData, Programs } from '../task.js';
import { type EncodedPair, pairBatchShape, pairInputs } from './batches.js';
import type { SentencePair } from './sentence-pair.js';

const batchSize = 32;

export function heldOutPairs(
  config: TranslationConfig,
  tokenizer: Tokenizer,
  pairs: readonly SentencePair[],
  encoded: readonly EncodedPair[],
): HeldOutData {
  const validate = (programs: Programs) => perplexity(config, encoded, programs);
  return {
    examples: pairs.length,
    validate,
    evaluate: async (programs) => {
      const hypotheses = await translations(config, tokenizer, encoded, programs);
      const { score, brevityPenalty } = corpusBleu(
        hypotheses,
        pairs.map(({ target }) => target),
      );
      return { bleu: score, brevityPenalty, perplexity: await validate(programs) };
    },
  };
}

/** Returns the perplexity per token of the targets, their ends included. */
async function perplexity(
  config: TranslationConfig,
  pairs: readonly EncodedPair[],
  programs: Programs,
): Promise<number> {
  let sum = 0;
  let tokens = 0;
  for (const indices of sortedBatches(
    pairs.map(({ target }) => target.length),
    batchSize,
  )) {
    const chosen = indices.map((index) => pairs[index]!);
    const shape = pairBatchShape(chosen, batchSize);
    const { weights, ...given } = pairInputs(evaluatedBatch(chosen, batchSize), shape);
    const program = () => translationEvaluationProgram(config, shape);
    const { tokenLosses } = await programs.run(`evaluation ${JSON.stringify(shape)}`, program, given);
    weights!.forEach((weight, k) => {
      if (weight === 0) return;
      sum += tokenLosses![k]!;
      tokens += 1;
    });
  }
  return Math.exp(sum / tokens);
}

async function translations(
  config: TranslationConfig,
  tokenizer: Tokenizer,
  pairs: readonly EncodedPair[],
  programs: Programs,
): Promise<string[]> {
  const steps = {
    encode: runnerOf(programs, 'encoder', () => encoderStepProgram(config)),
    decode: runnerOf(programs, 'decoder', () => decoderStepProgram(config)),
    hiddenDim: config.hiddenDim,
    eosId: tokenizer.eosId,
  };
  const progress = new Progress('translation', pairs.length, 'sentences');
  const texts: string[] = [];
  for (const { source } of pairs) {
    texts.push(tokenizer.decode(await translateIds(steps, source)));
    progress.update(texts.length);
  }
  progress.stop();
  return texts;
}

/**
 * Returns a function that runs a step whose states belong to the caller. An engine would keep the next value of an input
 * as one of its residents, so here the next values are outputs with other names.
 */
function runnerOf(programs: Programs, key: string, program: () => Program): RunStep {
  const resultOf = (input: string) => `result.${input}`;
  const renamed = (): Program => {
    const { inputs, run } = program();
    return {
      inputs,
      run: (given) => {
        const [next, results] = divideOutputs('next', run(given));
        for (const [input, value] of Object.entries(next)) results[resultOf(input)] = value;
        return results;
      },
    };
  };
  return async (inputs) => {
    const outputs = await programs.run(key, renamed, inputs);
    const copies = Object.fromEntries(Object.entries(outputs).map(([name, values]) => [name, values.slice()]));
    for (const input of Object.keys(inputs)) {
      const next = copies[resultOf(input)];
      if (next) copies[nextOf(input)] = next;
    }
    return copies;
  };
}
