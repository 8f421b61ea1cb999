/** Text that a model in training writes after the prompt of `--sample`: the same for the same parameters. */
import type { LanguageModelConfig } from '@unroll/core';
import type { Tokenizer } from '@unroll/core/text';
import { generate, type StepModel } from '@unroll/edge-runtime';
import type { Arrays } from '../../checkpoint/arrays.js';
import { residentStep } from '../../decoding/checkpoint-step.js';
import type { Engine, Residents } from '../../engines/engine.js';

/** Tokens of a sample: a line or two of a terminal. */
const maxTokens = 40;

export interface SamplerOptions {
  readonly engine: Engine;
  readonly model: LanguageModelConfig;
  readonly tokenizer: Tokenizer;
  /** The parameters, whose current values write the text. */
  readonly parameters: Residents;
  readonly prompt: string;
}

export class Sampler implements AsyncDisposable {
  readonly #options: SamplerOptions;
  #step: StepModel<Arrays> | undefined;

  /** The program is compiled for the first sample, not when training begins. */
  constructor(options: SamplerOptions) {
    this.#options = options;
  }

  /** Returns the prompt and what the model writes after it, in one line. */
  async sample(): Promise<string> {
    const { engine, model, tokenizer, parameters, prompt } = this.#options;
    this.#step ??= await residentStep(engine, model, parameters);
    let text = prompt;
    const chosen = { maxTokens, temperature: 0.8, seed: 0 };
    for await (const token of generate(this.#step, tokenizer, prompt, chosen)) text += token.text;
    return text.replaceAll(/\s+/g, ' ').trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#step?.dispose();
  }
}
