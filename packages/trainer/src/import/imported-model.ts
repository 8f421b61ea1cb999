/** A language model read from another framework's file, still without its vocabulary; only the vocabulary's size is known. */
import type { LanguageModelConfig } from '@unroll/core';
import type { Arrays } from '../checkpoint/arrays.js';

export interface ImportedModel {
  readonly config: LanguageModelConfig;
  /** Parameters by the names of `parameterShapes`. */
  readonly parameters: Arrays;
  /** Facts that the file does not contain and that were therefore assumed; one line each. */
  readonly assumptions: readonly string[];
  /** Names of the file's contents that are not part of the model. */
  readonly unread: readonly string[];
}
