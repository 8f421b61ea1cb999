/** A cache of compiled programs by key. It keeps only the most recently used, because each holds a session and its memory. */
import type { Executable } from './engine.js';

/** Greater than the number of sequence lengths in the tasks' data, so that training does not compile a program twice. */
const mostKept = 64;

export class RecentExecutables<Entry extends { readonly executable: Executable }> {
  readonly #most: number;
  /** From the least to the most recently used. */
  readonly #entries = new Map<string, Entry>();

  constructor(most = mostKept) {
    this.#most = most;
  }

  /** Returns the entry of this key, creating it if absent. Calls must not overlap. */
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
