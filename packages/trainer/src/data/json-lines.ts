// JSON lines (jsonlines.org): extracts the text of each record.

import { z } from 'zod';
import { UnrollError } from '../errors.js';

const Record = z.union([z.string(), z.looseObject({ text: z.string() }).transform(({ text }) => text)]);

/** Number of characters of a line that an error shows. */
const SHOWN = 40;

export function isJsonLines(path: string): boolean {
  return path.endsWith('.jsonl');
}

/**
 * Returns the texts of whole lines, each ended by a line break. A line is a string or an object with a string `text`;
 * blank lines are skipped.
 *
 * @param path the file, for errors
 * @throws UnrollError naming the file and the line that is something else
 */
export function textOfJsonLines(path: string, lines: string): string {
  const texts = lines.split('\n').filter((line) => line.trim() !== '');
  return texts.map((line) => `${textOfRecord(path, line)}\n`).join('');
}

function textOfRecord(path: string, line: string): string {
  const record = Record.safeParse(parsed(line));
  if (record.success) return record.data;
  const shown = line.length > SHOWN ? `${line.slice(0, SHOWN)}…` : line;
  throw new UnrollError(`${path}: the line ${shown} is neither a JSON string nor an object with a "text"; mend it`);
}

/** Parses a line; returns undefined, which is no valid record, if it is not JSON. */
function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
