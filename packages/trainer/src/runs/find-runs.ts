/** Finds the runs in folders that are runs, or hold them. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { UnrollError } from '../errors.js';
import { fileErrorReason } from '../files/file-error.js';
import { configurationFile } from '../files/run-files.js';
import { type RunSummary, readRun } from './run-summary.js';

/** Folders are searched to this depth. */
const mostLevels = 5;

/**
 * Returns the folders of runs, in the order in which they are given, then by name.
 * @throws UnrollError naming a folder that is none, or that holds no run
 */
export function findRunFolders(places: readonly string[]): string[] {
  const folders = places.flatMap((place) => {
    const found = foldersIn(place, mostLevels);
    if (found.length > 0) return found;
    throw new UnrollError(
      `${place}: holds no run; name a folder that 'unroll train --out' wrote, or one with such in it`,
    );
  });
  return [...new Set(folders)];
}

/** Whether a folder is a run or holds one. */
export function hasRuns(place: string): boolean {
  return existsSync(place) && foldersIn(place, mostLevels).length > 0;
}

/** Reads the runs of {@link findRunFolders}. @throws UnrollError also for a file of a run that is damaged */
export async function findRuns(places: readonly string[]): Promise<RunSummary[]> {
  const runs = await Promise.all(findRunFolders(places).map(readRun));
  return runs.filter((run) => run !== undefined);
}

function foldersIn(place: string, levels: number): string[] {
  if (existsSync(join(place, configurationFile))) return [place];
  if (levels === 0) return [];
  return subfolders(place, levels === mostLevels).flatMap((name) => foldersIn(join(place, name), levels - 1));
}

function subfolders(place: string, isGiven: boolean): string[] {
  try {
    return readdirSync(place, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== 'node_modules')
      .map(({ name }) => name)
      .toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  } catch (error) {
    const reason = fileErrorReason(error);
    // A folder that may not be read is passed over where it was not named.
    if (!isGiven) return [];
    throw new UnrollError(`${place}: cannot be read as a folder: ${reason}; name the folder of a run`);
  }
}
