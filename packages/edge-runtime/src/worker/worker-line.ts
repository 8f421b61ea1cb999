/** A line to a worker: sends questions and passes each answer to its asker. Ends with the worker. */
import { PolicyWatch, type Violation } from '../bundle/policy.js';
import { BundleError } from '../errors.js';
import { disposed } from '../runtime/language-model.js';
import { type FromWorker, type Progress, type Question, receivedError, type ToWorker } from './protocol.js';

interface Asker {
  resolve(answer: unknown): void;
  reject(reason: unknown): void;
  readonly onProgress: ((progress: Progress) => void) | undefined;
}

export interface AskOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/** The worker, or its replacement in the page's own thread. */
export type Endpoint = Pick<Worker, 'postMessage' | 'addEventListener' | 'terminate'>;

export class WorkerLine {
  readonly #policy = new PolicyWatch();
  readonly #worker: Endpoint;
  readonly #askers = new Map<number, Asker>();
  #nextId = 0;
  /** Why nothing can be asked any more; undefined while the line is open. */
  #end: Error | undefined;

  /**
   * @throws the page's error if it may not start a worker; if the browser reports that later, the first answer rejects
   */
  constructor(createWorker: () => Endpoint) {
    this.#worker = createWorker();
    this.#worker.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => this.#receive(data));
    this.#worker.addEventListener('error', ({ message }) => this.#fail(message));
  }

  /** Sends a question. The answer arrives under the returned id. */
  send(question: Question, onProgress?: AskOptions['onProgress']): { id: number; answer: Promise<unknown> } {
    const id = this.#nextId++;
    const answer = new Promise<unknown>((resolve, reject) => {
      if (this.#end) {
        reject(this.#end);
        return;
      }
      this.#askers.set(id, { resolve, reject, onProgress });
      this.#post({ id, question });
    });
    return { id, answer };
  }

  /** Asks a question and returns the answer, whose type the protocol defines. */
  async ask<Answer>(question: Question, { signal, onProgress }: AskOptions = {}): Promise<Answer> {
    signal?.throwIfAborted();
    const { id, answer } = this.send(question, onProgress);
    const abort = () => {
      this.#askers.get(id)?.reject(signal?.reason);
      this.cancel(id);
    };
    signal?.addEventListener('abort', abort);
    try {
      return (await answer) as Answer;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  /** Tells the worker that nobody waits for this answer or reads this stream any more. */
  cancel(id: number): void {
    this.#askers.delete(id);
    if (!this.#end) this.#post({ id, cancel: true });
  }

  /** Ends the worker. Pending and later questions reject. */
  close(): void {
    this.#close(new Error(disposed));
  }

  async #fail(reason: string | undefined): Promise<void> {
    const violations = await this.#policy.violations();
    this.#close(workerFailed(reason, violations));
  }

  #close(reason: Error): void {
    this.#end ??= reason;
    this.#policy.stop();
    this.#worker.terminate();
    for (const { reject } of this.#askers.values()) reject(reason);
    this.#askers.clear();
  }

  #post(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  #receive(message: FromWorker): void {
    this.#policy.stop(); // the worker has started
    const asker = this.#askers.get(message.id);
    if ('progress' in message) {
      asker?.onProgress?.(message.progress);
      return;
    }
    this.#askers.delete(message.id);
    if ('error' in message) asker?.reject(receivedError(message.error));
    else asker?.resolve(message.answer);
  }
}

function workerFailed(reason: string | undefined, violations: readonly Violation[]): BundleError {
  const what = reason ? `the model's worker failed (${reason})` : "the model's worker cannot start";
  return new BundleError('worker-failed', `${what}; ${remedyFor(violations)}`);
}

function remedyFor(violations: readonly Violation[]): string {
  const forbidden = violations.find(({ directive }) => directive === 'worker-src');
  if (forbidden) return `the content security policy forbids ${forbidden.blocked}: allow worker-src 'self'`;
  if (!navigator.onLine) return 'this device is offline, and has no copy of its script: connect it';
  return 'serve its script, which the build puts beside the page, as JavaScript, or allow worker-src blob:';
}
