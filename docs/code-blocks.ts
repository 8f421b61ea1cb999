// The fenced code blocks of the repository's documents, for the tests that run or check them. A block is run if the line
// `<!-- run -->` stands before it.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

export interface CodeBlock {
  /** Where it begins, as `docs/training.md:12`. */
  readonly place: string;
  readonly language: string;
  readonly code: string;
  readonly isRun: boolean;
}

/** Every Markdown file of the repository. */
export const documents: readonly string[] = execFileSync('git', ['ls-files', '*.md'], { cwd: root, encoding: 'utf8' })
  .trim()
  .split('\n');

export function codeBlocks(document: string): CodeBlock[] {
  const text = readFileSync(join(root, document), 'utf8');
  const pattern = /^(?<run><!-- run -->\n+)?```(?<language>\w+)\n(?<code>.*?)^```$/gms;
  return [...text.matchAll(pattern)].map(({ index, groups }) => ({
    place: `${document}:${text.slice(0, index).split('\n').length}`,
    language: groups!.language!,
    code: groups!.code!,
    isRun: groups!.run !== undefined,
  }));
}
