/** Where a browser keeps what was learned about its owner: IndexedDB, which no server is told of. Node keeps nothing. */
import { folderAt } from '#bundle-source';
import type { Folder } from '../bundle/folder.js';
import { inTime, patience, storageProblem } from '../loading/storage-use.js';
import type { PersonalizationMethod, PersonalizationStatus } from './options.js';
import type { Parameters } from './parameters.js';

/** What is kept, as a plain value. */
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

/** The records of this origin, by the key of the bundle's folder. Nothing here throws: `problem` says what failed. */
export class PersonalizationStorage {
  #problem: string | undefined;

  /** Why the newest operation failed; undefined if it did not. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** The record of the bundle in `folder`, one for the model with the SHA-256 `model` if there are several. */
  async read(folder: Folder, model: string): Promise<PersonalizationRecord | undefined> {
    return this.#try('readonly', async (objects) => {
      const keys = await keysOf(folder, objects);
      const records = await Promise.all(
        keys.map((key) => resultOf(objects.get(key) as IDBRequest<PersonalizationRecord>)),
      );
      return records.find((record) => whyForeign(record, model) === undefined) ?? records[0];
    });
  }

  /** Whether there was room for it. */
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

/** Why a record is not for the model with this SHA-256; undefined if it is. */
export function whyForeign(record: PersonalizationRecord, model: string): PersonalizationStatus['discarded'] {
  if (record.version !== 1) return `it was stored by another version of the runtime (format ${record.version})`;
  return record.model === model ? undefined : 'the bundle has another model.onnx now';
}

/** The keys under which the folder's records lie. Version 0.1 used the address as it was written. */
async function keysOf(folder: Folder, objects: IDBObjectStore): Promise<string[]> {
  const keys = (await resultOf(objects.getAllKeys())) as string[];
  return keys.filter((key) => keyOf(key) === folder.key);
}

function keyOf(address: string): string | undefined {
  try {
    return folderAt(address).key;
  } catch {
    return undefined; // it was relative, to a page at another address
  }
}

/** Resolves to the operation's result once its transaction is complete. An abort undoes it. */
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
