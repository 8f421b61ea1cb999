/** A language model as it comes out of another framework's file: no vocabulary yet, only its size. */
import type { LanguageModelConfig } from '@unroll/core';
import type { Arrays } from '../checkpoint/checkpoint.js';

export interface ImportedModel {
  readonly config: LanguageModelConfig;
  /** By the names of `parameterShapes`. */
  readonly parameters: Arrays;
  /** What the file does not say and was therefore assumed; a line each. */
  readonly assumptions: readonly string[];
  /** The names of what the file holds beside the model. */
  readonly unread: readonly string[];
}
