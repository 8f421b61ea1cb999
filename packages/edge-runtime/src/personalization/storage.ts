/**
 * Stores what was learned about the owner in the browser's IndexedDB, hidden from every server. Node stores nothing.
 */
import { folderAt } from '#bundle-source';
import type { Folder } from '../bundle/folder.js';
import { inTime, patience, storageProblem } from '../loading/storage-use.js';
import type { PersonalizationMethod, PersonalizationStatus } from './options.js';
import type { Parameters } from './parameters.js';

/** A stored personalization, as a plain value. */
export interface PersonalizationRecord {
  readonly version: 1;
  /** The SHA-256 of the model.onnx that was personalized. */
  readonly model: string;
  readonly method: PersonalizationMethod;
  /** The bundle's step.onnx, so that a start without the network needs nothing else. */
  readonly step: Uint8Array<ArrayBuffer>;
  readonly trained: Parameters;
}

const databaseName = 'unroll-personalization';
const storeName = 'models';

/** The records of this origin, by the key of the bundle's folder. No method throws: `problem` says what failed. */
export class PersonalizationStorage {
  #problem: string | undefined;

  /** Why the latest operation failed; undefined if it did not. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /**
   * The record of the bundle in `folder`. If there are several, prefers one for the model with the SHA-256 `model`.
   */
  async read(folder: Folder, model: string): Promise<PersonalizationRecord | undefined> {
    return this.#try('readonly', async (objects) => {
      const keys = await keysOf(folder, objects);
      const records = await Promise.all(
        keys.map((key) => resultOf(objects.get(key) as IDBRequest<PersonalizationRecord>)),
      );
      return records.find((record) => whyForeign(record, model) === undefined) ?? records[0];
    });
  }

  /** Stores a record. Returns whether there was room for it. */
  async write(folder: Folder, record: PersonalizationRecord): Promise<boolean> {
    const written = await this.#try('readwrite', async (objects) => {
      for (const key of await keysOf(folder, objects)) objects.delete(key);
      await resultOf(objects.put(record, folder.key));
      return true;
    });
    return written ?? false;
  }

  async delete(folder: Folder): Promise<void> {
    await this.#try('readwrite', async (objects) => {
      for (const key of await keysOf(folder, objects)) objects.delete(key);
    });
  }

  async #try<Result>(
    mode: IDBTransactionMode,
    operation: (objects: IDBObjectStore) => Promise<Result>,
  ): Promise<Result | undefined> {
    this.#problem = undefined;
    try {
      const limit = mode === 'readonly' ? patience.reading : patience.writing;
      return await inTime(limit, (signal) => inTransaction(mode, operation, signal));
    } catch (error) {
      this.#problem = storageProblem(error);
      return undefined;
    }
  }
}

/** Why a record does not belong to the model with this SHA-256; undefined if it does. */
export function whyForeign(record: PersonalizationRecord, model: string): PersonalizationStatus['discarded'] {
  if (record.version !== 1) return `it was stored by another version of the runtime (format ${record.version})`;
  return record.model === model ? undefined : 'the bundle has another model.onnx now';
}

/** The keys of the folder's records. Version 0.1 used the address as the page wrote it. */
async function keysOf(folder: Folder, objects: IDBObjectStore): Promise<string[]> {
  const keys = (await resultOf(objects.getAllKeys())) as string[];
  return keys.filter((key) => keyOf(key) === folder.key);
}

function keyOf(address: string): string | undefined {
  try {
    return folderAt(address).key;
  } catch {
    return undefined; // a relative address, for a page at another address
  }
}

/** Resolves to the operation's result once its transaction is complete. Aborting rolls it back. */
async function inTransaction<Result>(
  mode: IDBTransactionMode,
  operation: (objects: IDBObjectStore) => Promise<Result>,
  signal: AbortSignal,
): Promise<Result> {
  const database = await openDatabase();
  try {
    signal.throwIfAborted();
    const transaction = database.transaction(storeName, mode);
    const complete = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error ?? signal.reason);
    });
    signal.addEventListener('abort', () => transaction.abort());
    const [result] = await Promise.all([operation(transaction.objectStore(storeName)), complete]);
    return result;
  } finally {
    database.close();
  }
}

async function openDatabase(): Promise<IDBDatabase> {
  if (!globalThis.indexedDB) throw new DOMException('this runtime has no IndexedDB', 'NotSupportedError');
  const opening = indexedDB.open(databaseName, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(storeName);
  return resultOf(opening);
}

function resultOf<Result>(request: IDBRequest<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
