/** What a caller says to personalize a model, and what it is told. */
import type { PersonalizationMethod } from '@unroll/core/config';
import type { Cancellable } from '../runtime/cancellable.js';

export type { PersonalizationMethod };

export interface PersonalizeOptions extends Cancellable {
  /** What is trained; default `adapters`. */
  readonly method?: PersonalizationMethod;
  /** Updates, each of 64 tokens of the texts and as many of the model's own; default 200. */
  readonly steps?: number;
  /** Adam's; default 0.003 for `adapters`, 0.001 for `full`, 0.02 for `output-bias`. */
  readonly learningRate?: number;
  /** Called after every update. */
  readonly onProgress?: (progress: PersonalizationProgress) => void;
}

export interface PersonalizationProgress {
  /** Updates made so far. */
  readonly step: number;
  readonly steps: number;
  /** Of the texts' tokens in this update. */
  readonly perplexity: number;
}

/** Perplexities per token, before and after. */
export interface Change {
  readonly before: number;
  readonly after: number;
}

export interface PersonalizationResult {
  readonly method: PersonalizationMethod;
  /** Of the beginning of the texts that were trained on. */
  readonly texts: Change;
  /** Of what the model itself wrote before it was personalized, and was not trained on: how much it forgot. */
  readonly general: Change;
  /** Whether the browser keeps the result for the next start. Node keeps it until the model is disposed of. */
  readonly stored: boolean;
}

/** Whether a model is personalized. */
export interface PersonalizationStatus {
  /** How; undefined if it is as the bundle has it. */
  readonly method?: PersonalizationMethod;
  /** Why what was stored for this model was thrown away. */
  readonly discarded?: string;
}
