/** Compiled programs by key, of which only those used last are kept: each holds a session and its memory. */
import type { Executable } from './engine.js';

/** More than there are lengths of sequences in the tasks' data, so that training does not compile a program twice. */
const mostKept = 64;

export class RecentExecutables<Entry extends { readonly executable: Executable }> {
  readonly #most: number;
  /** From the one used longest ago to the one used last. */
  readonly #entries = new Map<string, Entry>();

  constructor(most = mostKept) {
    this.#most = most;
  }

  /** What has this key, made if it is not there. One call at a time. */
  async get(key: string, create: () => Promise<Entry>): Promise<Entry> {
    const entry = this.#entries.get(key) ?? (await create());
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    if (this.#entries.size > this.#most) {
      const [oldest, { executable }] = this.#entries.entries().next().value!;
      this.#entries.delete(oldest);
      await executable.dispose();
    }
    return entry;
  }

  async dispose(): Promise<void> {
    for (const { executable } of this.#entries.values()) await executable.dispose();
    this.#entries.clear();
  }
}
