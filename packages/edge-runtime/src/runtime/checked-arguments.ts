/** Checks the arguments of a language model's methods before anything is computed or sent to a worker. */
import {
  checkCount,
  checkedUrl,
  checkFunction,
  checkNumbers,
  checkOptions,
  checkSignal,
  checkText,
  checkTexts,
} from '../arguments.js';
import type { ContributeOptions } from '../personalization/contribution.js';
import type { PersonalizeOptions } from '../personalization/options.js';
import type { Cancellable } from './cancellable.js';
import type { GenerateOptions } from './generate.js';
import type { SuggestOptions } from './suggest.js';
import type { FromState } from './text-state.js';

/** @throws TypeError for a value of the wrong kind; the code that draws tokens checks the ranges */
export function checkGenerating(prompt: string, options: GenerateOptions & FromState): void {
  checkText('prompt', prompt);
  checkOptions(options);
  const { maxTokens, seed, beamWidth, temperature, topK, topP, state, signal } = options;
  checkNumbers({ maxTokens, seed, beamWidth, temperature, topK, topP });
  checkState(state);
  checkSignal(signal);
}

/** @throws TypeError for a value of the wrong kind */
export function checkReading(text: string, options: FromState & Cancellable): void {
  checkText('text', text);
  checkOptions(options);
  checkState(options.state);
  checkSignal(options.signal);
}

/** @throws TypeError for a value of the wrong kind; RangeError for a count that is not a whole number */
export function checkSuggesting(text: string, options: SuggestOptions & FromState & Cancellable): void {
  checkText('text', text);
  checkOptions(options);
  if (options.count !== undefined) checkCount('count', options.count, 0);
  if (options.prefix !== undefined) checkText('prefix', options.prefix);
  checkState(options.state);
  checkSignal(options.signal);
}

/** @throws TypeError for a value of the wrong kind; the code that trains checks the ranges */
export function checkPersonalizing(texts: readonly string[], options: PersonalizeOptions): void {
  checkTexts('texts', texts);
  checkOptions(options);
  const { method, steps, learningRate, onProgress, signal } = options;
  if (method !== undefined) checkText('method', method);
  checkNumbers({ steps, learningRate });
  checkFunction('onProgress', onProgress);
  checkSignal(signal);
}

/** @throws TypeError for a value of the wrong kind */
export function checkAccepting(text: string, suggestion: string | undefined): void {
  checkText('text', text);
  if (suggestion !== undefined) checkText('suggestion', suggestion);
}

/**
 * Checks the arguments and returns the gateway's absolute address.
 * @throws TypeError for a value of the wrong kind; RangeError for a gateway that is not an address
 */
export function checkContributing(gateway: string | URL, options: ContributeOptions): string {
  const address = checkedUrl('gateway', gateway);
  checkOptions(options);
  if (options.token !== undefined) checkText('token', options.token);
  checkSignal(options.signal);
  return address;
}

function checkState(state: FromState['state']): void {
  if (state === undefined) return;
  const known = typeof state === 'object' && state !== null && state.values instanceof Float32Array;
  if (!known || !Array.isArray(state.ids)) throw new TypeError('state: must be a result of `read`');
}
