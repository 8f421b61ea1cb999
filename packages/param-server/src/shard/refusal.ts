/** Why a request is turned down, in one line for the person who runs the worker: the culprit and the remedy. */
import type { RefusalCode } from './messages.js';

export class Refusal extends Error {
  override readonly name = 'Refusal';

  constructor(
    readonly code: RefusalCode,
    message: string,
  ) {
    super(message);
  }
}
