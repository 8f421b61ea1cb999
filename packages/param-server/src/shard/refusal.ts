/**
 * The reason that a request is refused: one line for the person who runs the worker, with the culprit and the remedy.
 */
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
