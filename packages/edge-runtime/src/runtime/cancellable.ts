/** An option of what takes time. */
export interface Cancellable {
  /** Ends the work; what was asked for rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}
