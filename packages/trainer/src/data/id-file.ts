// Token ids in a file of 4 bytes per token; only the requested part is read. The file is private to this process: it
// has no name after it is opened, and vanishes with the process, however that ends.

import { randomUUID } from 'node:crypto';
import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UnrollError } from '../errors.js';
import type { TokenIds } from './token-ids.js';

const { BYTES_PER_ELEMENT } = Int32Array;

const closing = new FinalizationRegistry<number>(closeSync);

export class IdFile implements TokenIds {
  readonly #folder: string;
  readonly #file: number;
  #length = 0;

  /** @throws UnrollError if no file can be created in `folder` */
  constructor(folder = tmpdir()) {
    this.#folder = folder;
    this.#file = this.#orExplain(() => {
      const path = join(folder, `unroll-ids-${randomUUID()}`);
      const file = openSync(path, 'wx+', 0o600);
      unlinkSync(path);
      return file;
    });
    closing.register(this, this.#file);
  }

  get length(): number {
    return this.#length;
  }

  /**
   * Appends ids.
   * @throws UnrollError if the disk is full
   */
  append(ids: Int32Array): void {
    const bytes = bytesOf(ids);
    const start = this.#length * BYTES_PER_ELEMENT;
    for (let done = 0; done < bytes.length; ) {
      done += this.#orExplain(() => writeSync(this.#file, bytes, done, bytes.length - done, start + done));
    }
    this.#length += ids.length;
  }

  slice(start: number, end: number): Int32Array {
    const ids = new Int32Array(Math.max(0, Math.min(end, this.#length) - start));
    const bytes = bytesOf(ids);
    for (let done = 0; done < bytes.length; ) {
      const count = readSync(this.#file, bytes, done, bytes.length - done, start * BYTES_PER_ELEMENT + done);
      if (count === 0) throw new UnrollError(`${this.#folder}: the file of token ids was cut short; start again`);
      done += count;
    }
    return ids;
  }

  #orExplain<Result>(action: () => Result): Result {
    try {
      return action();
    } catch (error) {
      const reason = (error as Error).message;
      throw new UnrollError(
        `${this.#folder}: cannot hold the token ids of the text, 4 bytes a token (${reason}); make room, or name another folder in TMPDIR`,
        { cause: error },
      );
    }
  }
}

function bytesOf(ids: Int32Array): Uint8Array {
  return new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength);
}
