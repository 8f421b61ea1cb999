/** Where a browser keeps what was learned about its owner: IndexedDB, which no server is told of. Node keeps nothing. */
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

/** The records of this origin, by the address of the bundle. */
export class PersonalizationStorage {
  readonly #database: IDBDatabase;

  private constructor(database: IDBDatabase) {
    this.#database = database;
  }

  /** Undefined in Node, and where the browser refuses to store. */
  static async open(): Promise<PersonalizationStorage | undefined> {
    if (!('indexedDB' in globalThis)) return undefined;
    const opening = indexedDB.open(databaseName, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(storeName);
    return resultOf(opening).then(
      (database) => new PersonalizationStorage(database),
      () => undefined,
    );
  }

  read(address: string): Promise<PersonalizationRecord | undefined> {
    return resultOf(this.#objects('readonly').get(address) as IDBRequest<PersonalizationRecord | undefined>);
  }

  /** Whether there was room for it. */
  async write(address: string, record: PersonalizationRecord): Promise<boolean> {
    return resultOf(this.#objects('readwrite').put(record, address)).then(
      () => true,
      () => false,
    );
  }

  async delete(address: string): Promise<void> {
    await resultOf(this.#objects('readwrite').delete(address));
  }

  close(): void {
    this.#database.close();
  }

  #objects(mode: IDBTransactionMode): IDBObjectStore {
    return this.#database.transaction(storeName, mode).objectStore(storeName);
  }
}

/** Why a record is not for the model with this SHA-256; undefined if it is. */
export function whyForeign(record: PersonalizationRecord, model: string): PersonalizationStatus['discarded'] {
  if (record.version !== 1) return `it was stored by another version of the runtime (format ${record.version})`;
  return record.model === model ? undefined : 'the bundle has another model.onnx now';
}

function resultOf<Result>(request: IDBRequest<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
