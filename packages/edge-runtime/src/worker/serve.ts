/** The worker's side: answers a page's questions about one model. The caller chooses what the model runs on. */
import type { Bundle } from '../bundle/read-bundle.js';
import type { LoadedStep } from '../loading/device.js';
import { loadOn } from '../loading/load-local.js';
import type { GeneratedToken } from '../runtime/generate.js';
import type { LocalLanguageModel } from '../runtime/local-language-model.js';
import {
  type FromWorker,
  type LoadedModel,
  type ModelStatus,
  type PersonalizedModel,
  type Progress,
  type Question,
  sentError,
  type Tokens,
  type ToWorker,
} from './protocol.js';

/** The worker's end of the line to the page: a worker's global scope, or a message port. */
export interface Line {
  postMessage(message: FromWorker): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<ToWorker>) => void): void;
}

type LoadStep = (bundle: Bundle, onnxRuntime?: string) => Promise<LoadedStep>;

/** Longest time for gathering tokens before they are sent, in milliseconds; a message costs about 0.1. */
const gathering = 8;

/**
 * Answers the messages on `line` until the worker ends.
 * @returns a function that frees the model, for lines without a worker
 */
export function serve(line: Line, loadStep: LoadStep): () => Promise<void> {
  const server = new ModelServer(line, loadStep);
  line.addEventListener('message', ({ data }) => {
    if ('cancel' in data) server.cancel(data.id);
    else server.answer(data.id, data.question);
  });
  return () => server.dispose();
}

class ModelServer {
  readonly #line: Line;
  readonly #loadStep: LoadStep;
  readonly #requests = new Map<number, AbortController>();
  readonly #streams = new Map<number, TokenStream>();
  #model: LocalLanguageModel | undefined;

  constructor(line: Line, loadStep: LoadStep) {
    this.#line = line;
    this.#loadStep = loadStep;
  }

  async answer(id: number, question: Question): Promise<void> {
    const controller = new AbortController();
    this.#requests.set(id, controller);
    try {
      this.#line.postMessage({ id, answer: await this.#reply(id, question, controller.signal) });
    } catch (error) {
      this.#line.postMessage({ id, error: sentError(error) });
    } finally {
      if (!this.#streams.has(id)) this.#requests.delete(id);
    }
  }

  cancel(id: number): void {
    this.#requests.get(id)?.abort();
    this.#requests.delete(id);
    this.#streams.delete(id);
  }

  async dispose(): Promise<void> {
    for (const id of this.#requests.keys()) this.cancel(id);
    await this.#model?.dispose();
  }

  async #reply(id: number, question: Question, signal: AbortSignal): Promise<unknown> {
    const onProgress = (progress: Progress) => this.#line.postMessage({ id, progress });
    if (question.kind === 'load') {
      const { address, onnxRuntime, options } = question;
      this.#model = await loadOn(this.#loadStep, address, { ...options, onnxRuntime, onProgress, signal });
      const { manifest, device, tokenizer } = this.#model;
      return { manifest, device, tokens: tokenizer.kind, ...statusOf(this.#model) } satisfies LoadedModel;
    }
    if (question.kind === 'pull') return this.#pull(question.stream);
    const model = this.#model!;
    switch (question.kind) {
      case 'score':
        return model.score(question.text, { ...question.options, signal });
      case 'read':
        return model.read(question.text, { ...question.options, signal });
      case 'suggest':
        return model.suggest(question.text, { ...question.options, signal });
      case 'personalize': {
        const result = await model.personalize(question.texts, { ...question.options, signal, onProgress });
        return { result, ...statusOf(model) } satisfies PersonalizedModel;
      }
      case 'undo':
        await model.undoPersonalization();
        return statusOf(model);
      case 'contribute': {
        const { gateway, token } = question;
        return model.contribute(gateway, { signal, ...(token !== undefined && { token }) });
      }
      case 'generate':
        this.#streams.set(id, new TokenStream(model.generate(question.prompt, { ...question.options, signal })));
        return undefined;
    }
  }

  async #pull(id: number): Promise<Tokens> {
    const stream = this.#streams.get(id);
    if (!stream) return { tokens: [], done: true };
    try {
      const tokens = await stream.pull();
      if (tokens.done) this.cancel(id);
      return tokens;
    } catch (error) {
      this.cancel(id);
      throw error;
    }
  }
}

function statusOf({ personalization, storage }: LocalLanguageModel): ModelStatus {
  return { personalization, storage };
}

/**
 * Gathers the tokens of a stream: the first alone, for a quick start, then as many as come within a few milliseconds.
 */
class TokenStream {
  readonly #tokens: AsyncGenerator<GeneratedToken, void, undefined>;
  #started = false;

  constructor(tokens: AsyncGenerator<GeneratedToken, void, undefined>) {
    this.#tokens = tokens;
  }

  async pull(): Promise<Tokens> {
    const end = performance.now() + (this.#started ? gathering : 0);
    this.#started = true;
    const tokens: GeneratedToken[] = [];
    do {
      const next = await this.#tokens.next();
      if (next.done) return { tokens, done: true };
      tokens.push(next.value);
    } while (performance.now() < end);
    return { tokens, done: false };
  }
}
