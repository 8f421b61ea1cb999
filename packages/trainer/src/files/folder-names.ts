/** The files of a folder that are meant as its contents, and why others are not. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { UnrollError } from '../errors.js';
import { fileErrorReason } from './file-error.js';
import { isMarker } from './markers.js';

/** Backups of editors; what people write about a folder; checksums of its files. */
const ASIDE =
  /~$|\.(?:bak|orig|swp|tmp|part|crc|md5|sha1|sha256)$|^(?:readme|licen[cs]e|copying)(?:\.\w+)?$|^(?:md5|sha\d+)sums/i;

export interface FolderNames {
  /** In their order; folders too. */
  readonly names: readonly string[];
  /** Names that were passed over, each with the reason if the name does not say it. */
  readonly skipped: readonly string[];
}

/** @throws UnrollError if the folder cannot be read */
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

/** Why nothing can be read of a file, in brackets; undefined if there is no such reason. */
export function reasonToSkip(path: string): string | undefined {
  try {
    const found = statSync(path);
    if (found.isDirectory()) return undefined;
    if (!found.isFile()) return ' (not a file)';
    return found.size === 0 ? ' (empty)' : undefined;
  } catch (error) {
    // Other reasons are given when the file is read: its text may not be passed over.
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? ' (a link that leads nowhere)' : undefined;
  }
}
