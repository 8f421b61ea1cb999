/** The page's side: a language model that runs in a worker. */
import type { Manifest } from '../bundle/manifest.js';
import type { LoadProgress } from '../bundle/read-bundle.js';
import { BundleError } from '../errors.js';
import type { DeviceUse } from '../loading/device.js';
import type { LoadOptions } from '../loading/load-options.js';
import type { StorageUse } from '../loading/storage-use.js';
import type { ContributeOptions, Contribution } from '../personalization/contribution.js';
import type {
  PersonalizationProgress,
  PersonalizationResult,
  PersonalizationStatus,
  PersonalizeOptions,
} from '../personalization/options.js';
import { textWith } from '../runtime/begun-word.js';
import type { Cancellable } from '../runtime/cancellable.js';
import {
  checkAccepting,
  checkContributing,
  checkGenerating,
  checkPersonalizing,
  checkReading,
  checkSuggesting,
} from '../runtime/checked-arguments.js';
import type { GeneratedToken, GenerateOptions } from '../runtime/generate.js';
import type { LanguageModel } from '../runtime/language-model.js';
import type { Score } from '../runtime/score.js';
import type { SuggestOptions } from '../runtime/suggest.js';
import type { FromState, TextState } from '../runtime/text-state.js';
import type { Addresses, LoadedModel, ModelStatus, PersonalizedModel, Tokens } from './protocol.js';
import type { WorkerLine } from './worker-line.js';

/** Created by `loadLanguageModel` in a page. */
export class WorkerLanguageModel implements LanguageModel {
  readonly #line: WorkerLine;
  readonly #tokens: LoadedModel['tokens'];
  #status: ModelStatus;

  private constructor(
    line: WorkerLine,
    readonly manifest: Manifest,
    readonly device: DeviceUse,
    tokens: LoadedModel['tokens'],
    status: ModelStatus,
  ) {
    this.#line = line;
    this.#tokens = tokens;
    this.#status = status;
  }

  get personalization(): PersonalizationStatus {
    return this.#status.personalization;
  }

  get storage(): StorageUse {
    return this.#status.storage;
  }

  /**
   * Loads the model through the line.
   * @param fallbackReason why the line leads to no worker, if it does not
   * @throws the errors of loading; the line is then closed
   */
  static async load(
    line: WorkerLine,
    addresses: Addresses,
    { onProgress, signal, cache, integrity }: Omit<LoadOptions, 'device' | 'onnxRuntime'>,
    fallbackReason?: string,
  ): Promise<WorkerLanguageModel> {
    try {
      const { manifest, device, tokens, ...status } = await line.ask<LoadedModel>(
        { kind: 'load', options: { cache, integrity }, ...addresses },
        { signal, onProgress: (progress) => onProgress?.(progress as LoadProgress) },
      );
      const use = fallbackReason === undefined ? device : { ...device, fallbackReason };
      return new WorkerLanguageModel(line, manifest, use, tokens, status);
    } catch (error) {
      line.close();
      throw error;
    }
  }

  async *generate(
    prompt: string,
    options: GenerateOptions & FromState = {},
  ): AsyncGenerator<GeneratedToken, void, undefined> {
    checkGenerating(prompt, options);
    const { signal, ...rest } = options;
    signal?.throwIfAborted();
    const stream = this.#line.send({ kind: 'generate', prompt, options: rest });
    try {
      await stream.answer;
      for (let done = false; !done; ) {
        const pulled = await this.#line.ask<Tokens>({ kind: 'pull', stream: stream.id }, { signal });
        for (const token of pulled.tokens) {
          yield token;
          signal?.throwIfAborted();
        }
        done = pulled.done;
      }
    } finally {
      this.#line.cancel(stream.id);
    }
  }

  async score(text: string, options: FromState & Cancellable = {}): Promise<Score> {
    checkReading(text, options);
    const { signal, ...rest } = options;
    return this.#line.ask({ kind: 'score', text, options: rest }, { signal });
  }

  async suggest(text: string, options: SuggestOptions & FromState & Cancellable = {}): Promise<string[]> {
    checkSuggesting(text, options);
    const { signal, ...rest } = options;
    return this.#line.ask({ kind: 'suggest', text, options: rest }, { signal });
  }

  accept(text: string, suggestion: string | undefined): string {
    checkAccepting(text, suggestion);
    return textWith(text, suggestion, this.#tokens);
  }

  async read(text: string, options: FromState & Cancellable = {}): Promise<TextState> {
    checkReading(text, options);
    const { signal, ...rest } = options;
    return this.#line.ask({ kind: 'read', text, options: rest }, { signal });
  }

  async personalize(texts: readonly string[], options: PersonalizeOptions = {}): Promise<PersonalizationResult> {
    checkPersonalizing(texts, options);
    const { signal, onProgress, ...rest } = options;
    const { result, ...status } = await this.#line.ask<PersonalizedModel>(
      { kind: 'personalize', texts, options: rest },
      { signal, onProgress: (progress) => onProgress?.(progress as PersonalizationProgress) },
    );
    this.#status = status;
    return result;
  }

  async undoPersonalization(): Promise<void> {
    try {
      this.#status = await this.#line.ask<ModelStatus>({ kind: 'undo' });
    } catch (error) {
      const isUndone = error instanceof BundleError && error.code === 'storage-failed';
      if (isUndone) this.#status = { ...this.#status, personalization: {} };
      throw error;
    }
  }

  async contribute(gateway: string | URL, options: ContributeOptions = {}): Promise<Contribution> {
    const address = checkContributing(gateway, options);
    const { token, signal } = options;
    return this.#line.ask({ kind: 'contribute', gateway: address, token }, { signal });
  }

  async dispose(): Promise<void> {
    this.#line.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}
