/**
 * Reports what a browser stores of a model for the next start. Storing only saves time: if a browser refuses to store
 * or never answers, everything else works, and the model says what is not stored.
 */

/** The parts of a model that are not stored, and whether the stored bundle was used. */
export interface StorageUse {
  /** Why the bundle is not stored for the next start; undefined if it is. */
  readonly bundleNotKept?: string;
  /** Why what the model learns from a person is not stored; undefined if it is. */
  readonly learningNotKept?: string;
  /** Why the model is the stored one and not the server's; undefined if it is the server's. */
  readonly serverFailure?: string;
}

/** Time limits for the browser's storage, in milliseconds, because some browsers never answer. */
export const patience = { reading: 5_000, writing: 10_000 };

/**
 * Waits for an operation on the browser's storage. Aborts the operation when the time is over.
 * @param limit milliseconds
 * @throws the operation's error; DOMException `TimeoutError`
 */
export async function inTime<Result>(
  limit: number,
  operation: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const controller = new AbortController();
  const late = new Promise<never>((_, reject) => {
    controller.signal.addEventListener('abort', () => reject(controller.signal.reason));
  });
  const timer = setTimeout(() => controller.abort(new DOMException('no answer', 'TimeoutError')), limit);
  try {
    return await Promise.race([operation(controller.signal), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Describes for people why the browser's storage failed. */
export function storageProblem(error: unknown): string {
  const { name, message } = error as Error;
  switch (name) {
    case 'SecurityError':
      return 'the browser denies storage to this page, as it does where site data is blocked and in sandboxed frames';
    case 'QuotaExceededError':
      return "the browser's storage is full";
    case 'NotSupportedError':
      return message;
    case 'TimeoutError':
      return "the browser's storage does not answer";
    default:
      return `the browser's storage failed (${message || name})`;
  }
}
