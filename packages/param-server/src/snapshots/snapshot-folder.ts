/**
 * A shard's snapshots in a folder, which other shards may share: the last few, each in a file named by its shard and
 * step. When the run goes back, later snapshots are renamed, and removed only when the run has passed their steps. When it
 * begins with other values, all are renamed for good.
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { ParameterServerError } from '../errors.js';
import { LockFile } from '../locks/lock-file.js';
import type { Severity } from '../shard/messages.js';
import type { FrozenSnapshot, ShardSnapshot, SnapshotStore } from './snapshot.js';
import {
  readSnapshotFile,
  readSnapshotPlace,
  tryToWrite,
  unfinishedSuffix,
  writeSnapshotFile,
} from './snapshot-file.js';

export interface SnapshotFolderOptions {
  readonly folder: string;
  readonly shard: number;
  readonly shards: number;
  /** The number of snapshots to keep; at least {@link fewestSnapshots}. */
  readonly keep: number;
  /** The server's address, which no other process can have at the same time; undefined if it is not known yet. */
  readonly place?: string | undefined;
  /** Called if another process, named by `holder`, may still use the folder; returns a function to call in the end. */
  readonly onWait?: (holder: string) => () => void;
}

/** A snapshot on disk. */
interface Entry {
  readonly file: string;
  readonly step: number;
  readonly run: string;
  /** The number of shards in its run. */
  readonly shards: number;
}

/** Suffix of a snapshot that was set aside; a number follows if several have the same step. */
const asideSuffix = '.aside';

/** Suffix of a snapshot whose place a chief's values have taken. Servers never delete these. */
const replacedSuffix = '.replaced';

/** The greatest number of replaced snapshots of a shard: a worker that lies must not fill the disk. */
const mostReplaced = 100;

export class SnapshotFolder implements SnapshotStore, AsyncDisposable {
  readonly #options: SnapshotFolderOptions;
  readonly #lock: LockFile;
  /** Complete snapshots, ascending by step. */
  #entries: readonly Entry[];
  /** Snapshots that were set aside. */
  #aside: readonly Entry[];
  readonly #replaced: Set<string>;
  #run = '';
  /** The current operation on the folder; they run one at a time. */
  #work: Promise<unknown> = Promise.resolve();

  /**
   * Opens a folder, creating it if needed, and verifies this shard's snapshots in it. Damaged files are skipped, with
   * one line to `report` for each; files that a crash left unfinished are removed. Snapshots of a run with another
   * number of shards are foreign. If the shards share the folder, each foreign snapshot belongs to one shard of this
   * run.
   * @throws ParameterServerError naming the folder if it cannot be written, or if another process of this shard does
   */
  static async open(
    options: SnapshotFolderOptions,
    report: (line: string, severity: Severity) => void,
  ): Promise<SnapshotFolder> {
    const { folder } = options;
    const entries: Entry[] = [];
    const aside: Entry[] = [];
    const replaced: string[] = [];
    const lock = lockOf(options);
    const names = await namesInWritable(folder, lock, `${fileStem(options)}trial`).catch((error: Error) => {
      if (error instanceof ParameterServerError) throw error;
      throw refusal(`${folder}: cannot hold snapshots (${error.message}); choose another folder for snapshots`);
    });
    for (const name of names) {
      const place = placeOf(name);
      if (!place || !isOurs(place, options)) continue;
      const { shards, kind } = place;
      const file = join(folder, name);
      try {
        const isResized = shards !== options.shards;
        if (kind === '' && isResized) entries.push({ file, shards, ...(await readSnapshotPlace(file)) });
        else if (kind.startsWith(replacedSuffix)) replaced.push(file);
        else if (isResized) continue;
        else if (kind === unfinishedSuffix) await rm(file, { force: true });
        else if (kind.startsWith(asideSuffix)) aside.push({ file, shards, ...(await readSnapshotPlace(file)) });
        else if (kind === '') entries.push({ shards, ...(await entryOf(file)) });
      } catch (error) {
        report(`${file}: ${(error as Error).message}; it is passed over`, 'warning');
      }
    }
    return new SnapshotFolder(options, lock, entries, aside, replaced);
  }

  private constructor(
    options: SnapshotFolderOptions,
    lock: LockFile,
    entries: readonly Entry[],
    aside: readonly Entry[],
    replaced: readonly string[],
  ) {
    this.#options = options;
    this.#lock = lock;
    this.#replaced = new Set(replaced);
    this.#entries = byStep(entries);
    this.#aside = aside;
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

  get foreignShards(): number | undefined {
    return this.#entries.find(({ shards }) => shards !== this.#options.shards)?.shards;
  }

  get obstacle(): string | undefined {
    const { folder } = this.#options;
    if (this.#replaced.size + this.#entries.length + this.#aside.length <= mostReplaced) return undefined;
    return (
      `${folder} has ${this.#replaced.size} snapshots that other values have replaced, and no room for more; ` +
      `look why runs are begun so often, delete the files *${replacedSuffix}* there, and start the servers again`
    );
  }

  write(snapshot: FrozenSnapshot): Promise<void> {
    return this.#alter(async () => {
      const { step } = snapshot;
      const file = this.#path(step);
      await writeSnapshotFile(file, this.#run, snapshot);
      const entry = { file, step, run: this.#run, shards: this.#options.shards };
      this.#entries = byStep([...this.#entries.filter((other) => other.file !== file), entry]);
      const own = this.#entries.filter(({ run }) => run === this.#run);
      await this.#remove(own.slice(0, -this.#options.keep));
      await this.#remove(this.#aside.filter((entry) => entry.run === this.#run && entry.step <= step));
    });
  }

  read(step: number): Promise<ShardSnapshot> {
    return this.#oneAtATime(async () => {
      const path = this.#path(step);
      try {
        return await readSnapshotFile(path);
      } catch (error) {
        this.#entries = this.#entries.filter((entry) => entry.file !== path);
        throw new Error(`${path}: ${(error as Error).message}`);
      }
    });
  }

  setAside(after: number | undefined): Promise<void> {
    const left = ({ step }: Entry) => after === undefined || step > after;
    const hidden = this.#entries.filter(left);
    // Hide them at once, so that none is offered any more. A snapshot that is being written follows once its file
    // exists.
    this.#entries = this.#entries.filter((entry) => !hidden.includes(entry));
    return this.#alter(async () => {
      const writtenMeanwhile = this.#entries.filter(left);
      this.#entries = this.#entries.filter((entry) => !writtenMeanwhile.includes(entry));
      const moved = [...hidden, ...writtenMeanwhile];
      if (after === undefined) {
        // Snapshots that were set aside before must not be removed when the run that begins now passes its steps.
        moved.push(...this.#aside);
        this.#aside = [];
      }
      for (const entry of moved) await (after === undefined ? this.#replace(entry) : this.#putAside(entry));
    });
  }

  async #putAside(entry: Entry): Promise<void> {
    const file = await renamed(entry.file, asideSuffix, new Set(this.#aside.map((other) => other.file)));
    this.#aside = [...this.#aside, { ...entry, file }];
  }

  async #replace({ file }: Entry): Promise<void> {
    const snapshot = file.replace(/\.aside(-\d+)?$/, '');
    this.#replaced.add(await renamed(file, replacedSuffix, this.#replaced, snapshot));
  }

  clear(): Promise<void> {
    return this.#alter(() => {
      return this.#remove([...this.#entries, ...this.#aside].filter(({ run }) => run === this.#run));
    });
  }

  /** Ends the work on the folder, so that another process can take it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#work;
    await this.#lock[Symbol.asyncDispose]();
  }

  /** Changes the folder, unless another process has taken it while this one stood still. */
  #alter(task: () => Promise<void>): Promise<void> {
    return this.#oneAtATime(async () => {
      await this.#lock.requireHeld();
      await task();
    });
  }

  #oneAtATime<Result>(task: () => Promise<Result>): Promise<Result> {
    const done = this.#work.then(task);
    this.#work = done.catch(() => undefined);
    return done;
  }

  /** Forgets the snapshots before deleting them: a snapshot that is offered must exist. */
  async #remove(entries: readonly Entry[]): Promise<void> {
    this.#entries = this.#entries.filter((entry) => !entries.includes(entry));
    this.#aside = this.#aside.filter((entry) => !entries.includes(entry));
    for (const { file } of entries) await rm(file, { force: true });
  }

  #path(step: number): string {
    return join(this.#options.folder, `${fileStem(this.#options)}${step}.snapshot`);
  }
}

/** Returns the lock of a shard's snapshots. It lets in neither a second run nor a second process of this shard. */
function lockOf({ folder, shard, place, onWait }: SnapshotFolderOptions): LockFile {
  return new LockFile({
    path: join(folder, `shard-${shard}.lock`),
    role: `server ${shard}`,
    place,
    refusal: (holder) =>
      refusal(`${folder}: ${holder} writes its snapshots there; end it, or choose another folder for snapshots`),
    ...(onWait ? { onWait } : {}),
  });
}

function refusal(message: string): ParameterServerError {
  return new ParameterServerError(status.FAILED_PRECONDITION, message);
}

/**
 * Takes a folder, creating it if needed, and returns the names in it.
 * @param trial the name of a file to write and remove as a test
 */
async function namesInWritable(folder: string, lock: LockFile, trial: string): Promise<string[]> {
  await makeFolder(folder);
  await lock.take();
  await tryToWrite(join(folder, trial));
  return readdir(folder);
}

/** Makes a folder and those that it lies in. Node's own way never ends below /proc, and names a read-only disk as a missing file. */
async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || existsSync(dirname(folder))) throw error;
    await makeFolder(dirname(folder));
    await makeFolder(folder);
  }
}

/** Renames a file to another name with this suffix that is not taken. @returns that name */
async function renamed(file: string, suffix: string, taken: ReadonlySet<string>, stem = file): Promise<string> {
  let name = stem + suffix;
  for (let copy = 2; taken.has(name); copy++) name = `${stem}${suffix}-${copy}`;
  await rename(file, name);
  return name;
}

function fileStem({ shard, shards }: SnapshotFolderOptions): string {
  return `shard-${shard}-of-${shards}-step-`;
}

interface ShardFile {
  readonly shard: number;
  readonly shards: number;
  readonly kind: string;
}

/** Returns a file's shard, from its name; `kind` is the end of the name, empty for a complete snapshot. */
function placeOf(name: string): ShardFile | undefined {
  const match = /^shard-(\d+)-of-(\d+)-step-\d+\.snapshot(\..+)?$/.exec(name);
  return match ? { shard: Number(match[1]), shards: Number(match[2]), kind: match[3] ?? '' } : undefined;
}

/**
 * Removes the snapshots in a folder whose places a chief's values have taken, if they were written after `before`, the
 * names in the folder at an earlier time.
 */
export async function removeReplacedSince(folder: string, before: readonly string[]): Promise<void> {
  const isOlder = (name: string) => before.some((older) => name.startsWith(older));
  for (const name of await readdir(folder).catch(() => [])) {
    if (placeOf(name)?.kind.startsWith(replacedSuffix) && !isOlder(name)) await rm(join(folder, name), { force: true });
  }
}

/** Returns whether this shard looks after the snapshots of that shard. */
function isOurs({ shard, shards }: ShardFile, ours: SnapshotFolderOptions): boolean {
  if (shards === ours.shards || shard < ours.shards) return shard === ours.shard;
  return ours.shard === 0;
}

async function entryOf(file: string): Promise<Omit<Entry, 'shards'>> {
  const { step, run } = await readSnapshotFile(file);
  return { file, step, run };
}

function byStep(entries: readonly Entry[]): Entry[] {
  return entries.toSorted((a, b) => a.step - b.step);
}
