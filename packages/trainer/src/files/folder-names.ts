/** Finds the files in a folder that are its contents, and explains why others are not. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { UnrollError } from '../errors.js';
import { fileErrorReason } from './file-error.js';
import { isMarker } from './markers.js';

/** Backups of editors; texts about a folder; checksums of its files. */
const ASIDE =
  /~$|\.(?:bak|orig|swp|tmp|part|crc|md5|sha1|sha256)$|^(?:readme|licen[cs]e|copying)(?:\.\w+)?$|^(?:md5|sha\d+)sums/i;

export interface FolderNames {
  /** Names of files and folders, sorted. */
  readonly names: readonly string[];
  /** Names that were skipped, each with the reason unless the name is reason enough. */
  readonly skipped: readonly string[];
}

/**
 * Lists a folder.
 * @throws UnrollError if the folder cannot be read
 */
export function namesInFolder(folder: string): FolderNames {
  const names: string[] = [];
  const skipped: string[] = [];
  for (const name of readNames(folder)) {
    const reason = isMarker(name) || ASIDE.test(name) ? '' : reasonToSkip(join(folder, name));
    if (reason === undefined) names.push(name);
    else skipped.push(`${name}${reason}`);
  }
  return { names, skipped };
}

function readNames(folder: string): string[] {
  try {
    return readdirSync(folder).toSorted();
  } catch (error) {
    throw new UnrollError(`${folder}: cannot be read: ${fileErrorReason(error)}`);
  }
}

/** Returns why a file has nothing to read, in brackets; undefined if there is no such reason. */
export function reasonToSkip(path: string): string | undefined {
  try {
    const found = statSync(path);
    if (found.isDirectory()) return undefined;
    if (!found.isFile()) return ' (not a file)';
    return found.size === 0 ? ' (empty)' : undefined;
  } catch (error) {
    // Other errors are reported when the file is read: a file that may contain text must not be skipped.
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? ' (a link that leads nowhere)' : undefined;
  }
}

/** Returns the folder of the servers' snapshots where none is named: the one beside the checkpoint. */
export function snapshotsBeside(out: string): string {
  return `${out.replace(/[\\/]+$/, '')}.snapshots`;
}
