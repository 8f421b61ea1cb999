/** The option of all operations that take time. */
export interface Cancellable {
  /** Aborting ends the work, and its promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}
