/** Options and results of personalizing a model. */
import type { PersonalizationMethod } from '@unroll/core/config';
import type { Cancellable } from '../runtime/cancellable.js';

export type { PersonalizationMethod };

export interface PersonalizeOptions extends Cancellable {
  /** The parameters to train; default `adapters`. */
  readonly method?: PersonalizationMethod;
  /** Number of updates; each reads 64 tokens of the texts and as many of the model's own. Default 200. */
  readonly steps?: number;
  /** Adam's learning rate; default 0.003 for `adapters`, 0.001 for `full`, 0.02 for `output-bias`. */
  readonly learningRate?: number;
  /** Called after every update. */
  readonly onProgress?: (progress: PersonalizationProgress) => void;
}

export interface PersonalizationProgress {
  /** Updates made so far. */
  readonly step: number;
  readonly steps: number;
  /** Perplexity of the texts' tokens in this update. */
  readonly perplexity: number;
}

/** Perplexities per token, before and after personalizing. */
export interface Change {
  readonly before: number;
  readonly after: number;
}

export interface PersonalizationResult {
  readonly method: PersonalizationMethod;
  /** Perplexity of the beginning of the texts that were trained on. */
  readonly texts: Change;
  /**
   * Perplexity of text that the model wrote before it was personalized and was not trained on. It shows how much the
   * model forgot.
   */
  readonly general: Change;
  /** Whether the browser stores the result for the next start. Node keeps it until the model is disposed of. */
  readonly stored: boolean;
}

/** Whether and how a model is personalized. */
export interface PersonalizationStatus {
  /** The method; undefined if the model is as in the bundle. */
  readonly method?: PersonalizationMethod;
  /** Why the stored personalization of this model was discarded. */
  readonly discarded?: string;
}
