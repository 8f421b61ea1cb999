/**
 * The messages between a page and the worker that holds its model. Each request has an id, and each reply names the id
 * of its request. Streams are pulled, so that a page that stops reading stops the model.
 */
import type { Tokenizer } from '@unroll/core/text';
import type { Manifest } from '../bundle/manifest.js';
import type { LoadProgress } from '../bundle/read-bundle.js';
import { BundleError, type BundleErrorCode } from '../errors.js';
import type { DeviceUse } from '../loading/device.js';
import type { LoadOptions } from '../loading/load-options.js';
import type { StorageUse } from '../loading/storage-use.js';
import type {
  PersonalizationProgress,
  PersonalizationResult,
  PersonalizationStatus,
  PersonalizeOptions,
} from '../personalization/options.js';
import type { GeneratedToken, GenerateOptions } from '../runtime/generate.js';
import type { SuggestOptions } from '../runtime/suggest.js';
import type { FromState } from '../runtime/text-state.js';

export type Question =
  /** The first question, sent once. */
  | ({ readonly kind: 'load'; readonly options: LoadingOptions } & Addresses)
  | { readonly kind: 'score' | 'read'; readonly text: string; readonly options: FromState }
  | { readonly kind: 'suggest'; readonly text: string; readonly options: SuggestOptions & FromState }
  /** Opens a stream; from then on, the request's id names it. */
  | { readonly kind: 'generate'; readonly prompt: string; readonly options: GenerateOptions & FromState }
  /** Answered by the result and the new status; progress of the training is sent before. */
  | { readonly kind: 'personalize'; readonly texts: readonly string[]; readonly options: TrainingOptions }
  /** Answered by the new status. */
  | { readonly kind: 'undo' }
  | { readonly kind: 'contribute'; readonly gateway: string; readonly token: string | undefined }
  /** Answered by the next tokens of a stream. */
  | { readonly kind: 'pull'; readonly stream: number };

/** Absolute addresses, because the worker's own base address may be another. */
export interface Addresses {
  /** The address of the bundle's folder. */
  readonly address: string;
  /** The address of ONNX Runtime's module, if it is not the one with which the worker was built. */
  readonly onnxRuntime: string | undefined;
}

/** The options that are sent to the worker. */
export type LoadingOptions = Pick<LoadOptions, 'cache' | 'integrity'>;
export type TrainingOptions = Omit<PersonalizeOptions, 'signal' | 'onProgress'>;

export type Progress = LoadProgress | PersonalizationProgress;

export type ToWorker =
  | { readonly id: number; readonly question: Question }
  /** Says that the page no longer waits for this request's answer or reads its stream. */
  | { readonly id: number; readonly cancel: true };

export type FromWorker =
  | { readonly id: number; readonly progress: Progress }
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly error: SentError };

/** Properties that may change with each request; they are sent with the answers that change them. */
export interface ModelStatus {
  readonly personalization: PersonalizationStatus;
  readonly storage: StorageUse;
}

/** The answer to `load`. */
export interface LoadedModel extends ModelStatus {
  readonly manifest: Manifest;
  readonly device: DeviceUse;
  /** The kind of the model's tokens. */
  readonly tokens: Tokenizer['kind'];
}

/** The answer to `personalize`. */
export interface PersonalizedModel extends ModelStatus {
  readonly result: PersonalizationResult;
}

/** The answer to `pull`: at least one token, unless the stream has ended. */
export interface Tokens {
  readonly tokens: readonly GeneratedToken[];
  readonly done: boolean;
}

/** An error in a form that can be sent: structured cloning would lose the class and the code. */
export interface SentError {
  readonly name: string;
  readonly message: string;
  readonly code?: BundleErrorCode;
}

export function sentError(error: unknown): SentError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) };
  const { name, message } = error;
  return error instanceof BundleError ? { name, message, code: error.code } : { name, message };
}

export function receivedError({ name, message, code }: SentError): Error {
  if (code !== undefined) return new BundleError(code, message);
  if (name === 'RangeError') return new RangeError(message);
  return name === 'TypeError' ? new TypeError(message) : Object.assign(new Error(message), { name });
}
