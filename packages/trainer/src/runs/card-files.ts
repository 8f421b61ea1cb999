/** The files of a model card, which are replaced only where Unroll has written them. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cardFile, curvesFile } from '../files/run-files.js';

/** The last line of a card of ours. */
const mark = '<!-- Written by unroll train. Remove this line to keep changes of yours when the run goes on. -->';

/** Whether the folder has a README.md that a person wrote or changed. */
export function hasForeignCard(folder: string): boolean {
  try {
    return !readFileSync(join(folder, cardFile), 'utf8').trimEnd().endsWith(mark);
  } catch {
    return false;
  }
}

/** Removes the card of an earlier run. */
export function removeCard(folder: string): void {
  if (hasForeignCard(folder)) return;
  for (const name of [cardFile, curvesFile]) rmSync(join(folder, name), { force: true });
}

/** Writes the card. @throws the file system's error */
export function writeCardFiles(folder: string, card: string, curves: string): void {
  writeFileSync(join(folder, curvesFile), curves);
  writeFileSync(join(folder, cardFile), `${card}\n${mark}\n`);
}
