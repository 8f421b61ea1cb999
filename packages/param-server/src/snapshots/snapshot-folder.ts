/** A shard's snapshots in a folder, which other shards may share: the last few, each a file named by its shard and step. */
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { FrozenSnapshot, ShardSnapshot, SnapshotStore } from './snapshot.js';
import { readSnapshotFile, unfinishedSuffix, writeSnapshotFile } from './snapshot-file.js';

export interface SnapshotFolderOptions {
  readonly folder: string;
  readonly shard: number;
  readonly shards: number;
  /** How many to keep; at least {@link fewestSnapshots}. */
  readonly keep: number;
}

/** A whole snapshot on disk. */
interface Entry {
  readonly step: number;
  readonly run: string;
}

export class SnapshotFolder implements SnapshotStore {
  readonly #options: SnapshotFolderOptions;
  #entries: readonly Entry[];
  #run = '';
  /** What is being done to the folder; one thing at a time. */
  #work: Promise<unknown> = Promise.resolve();

  /**
   * Opens a folder, which is made if it does not exist, and verifies the snapshots of this shard in it. Files that are
   * damaged are passed over, and `report` is given a line for each; what a crash left unfinished is removed.
   * @throws Error naming the folder if it cannot be written
   */
  static async open(options: SnapshotFolderOptions, report: (line: string) => void): Promise<SnapshotFolder> {
    const { folder } = options;
    const pattern = new RegExp(`^${fileStem(options)}(\\d+)\\.snapshot(\\${unfinishedSuffix})?$`);
    const entries: Entry[] = [];
    const names = await mkdir(folder, { recursive: true })
      .then(() => readdir(folder))
      .catch((error: NodeJS.ErrnoException) => {
        throw new Error(`${folder}: cannot hold snapshots (${error.code}); choose another folder`);
      });
    for (const name of names) {
      if (!pattern.test(name)) continue;
      try {
        if (name.endsWith(unfinishedSuffix)) await rm(join(folder, name), { force: true });
        else entries.push(await entryOf(join(folder, name)));
      } catch (error) {
        report(`${join(folder, name)}: ${(error as Error).message}; it is passed over`);
      }
    }
    return new SnapshotFolder(options, entries);
  }

  private constructor(options: SnapshotFolderOptions, entries: readonly Entry[]) {
    this.#options = options;
    this.#entries = entries;
  }

  adopt(run: string): void {
    this.#run = run;
  }

  get steps(): readonly number[] {
    return this.#entries.filter(({ run }) => run === this.#run).map(({ step }) => step);
  }

  get foreign(): number {
    return this.#entries.filter(({ run }) => run !== this.#run).length;
  }

  write(snapshot: FrozenSnapshot): Promise<void> {
    return this.#oneAtATime(async () => {
      await writeSnapshotFile(this.#path(snapshot.step), this.#run, snapshot);
      const others = this.#entries.filter(({ step }) => step !== snapshot.step);
      this.#setEntries([...others, { step: snapshot.step, run: this.#run }]);
      await this.#remove(this.#entries.slice(0, -this.#options.keep));
    });
  }

  read(step: number): Promise<ShardSnapshot> {
    return this.#oneAtATime(async () => {
      await this.#remove(this.#entries.filter((entry) => entry.step > step));
      const path = this.#path(step);
      try {
        return await readSnapshotFile(path);
      } catch (error) {
        this.#setEntries(this.#entries.filter((entry) => entry.step !== step));
        throw new Error(`${path}: ${(error as Error).message}`);
      }
    });
  }

  clear(): Promise<void> {
    return this.#oneAtATime(() => this.#remove(this.#entries));
  }

  #oneAtATime<Result>(task: () => Promise<Result>): Promise<Result> {
    const done = this.#work.then(task);
    this.#work = done.catch(() => undefined);
    return done;
  }

  /** Forgets, then deletes: a snapshot that is offered must be there. */
  async #remove(entries: readonly Entry[]): Promise<void> {
    this.#setEntries(this.#entries.filter((entry) => !entries.includes(entry)));
    for (const { step } of entries) await rm(this.#path(step), { force: true });
  }

  #setEntries(entries: readonly Entry[]): void {
    this.#entries = entries.toSorted((a, b) => a.step - b.step);
  }

  #path(step: number): string {
    return join(this.#options.folder, `${fileStem(this.#options)}${step}.snapshot`);
  }
}

function fileStem({ shard, shards }: SnapshotFolderOptions): string {
  return `shard-${shard}-of-${shards}-step-`;
}

async function entryOf(path: string): Promise<Entry> {
  const { step, run } = await readSnapshotFile(path);
  return { step, run };
}
