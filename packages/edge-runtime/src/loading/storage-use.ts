/**
 * What a browser keeps of a model for the next start. Keeping only saves time: where a browser refuses to store, or never
 * answers, everything else works, and the model says what is not kept.
 */

/** The parts of a model that are kept, and those that were used because of that. */
export interface StorageUse {
  /** Why the bundle is not kept for the next start; undefined if it is. */
  readonly bundleNotKept?: string;
  /** Why what the model learns from a person is not kept; undefined if it is. */
  readonly learningNotKept?: string;
  /** Why the model is the one that was kept, and not the server's; undefined if it is the server's. */
  readonly serverFailure?: string;
}

/** How long the browser's storage is waited for, in milliseconds: some browsers never answer. */
export const patience = { reading: 5_000, writing: 10_000 };

/**
 * What an operation of the browser's storage gives. The operation is told when nobody waits for it any more.
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

/** Why the browser's storage failed, for people. */
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
