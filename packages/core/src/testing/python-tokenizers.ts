/** For tests: Hugging Face's own tokenizers, if a Python on this machine has the package. */
import { execFileSync, spawnSync } from 'node:child_process';

const python = [process.env.PYTHON, 'python3'].find(
  (name) => name !== undefined && spawnSync(name, ['-c', 'import tokenizers']).status === 0,
);

/** Why they cannot run here; undefined if they can. */
export const pythonTokenizersMissing = python ? undefined : 'no Python here has the package tokenizers';

const script = `
import json, sys, tokenizers
for line in sys.stdin:
    file, texts = json.loads(line)
    tokenizer = tokenizers.Tokenizer.from_str(json.dumps(file))
    print(json.dumps([tokenizer.encode(text, add_special_tokens=False).ids for text in texts]))
`;

/** Encodes the texts of each case with its `tokenizer.json`; returns ids, [cases][texts][tokens]. */
export function pythonIds(
  cases: readonly { readonly file: object; readonly texts: readonly string[] }[],
): number[][][] {
  const input = cases.map(({ file, texts }) => `${JSON.stringify([file, texts])}\n`).join('');
  const output = execFileSync(python!, ['-c', script], { input, encoding: 'utf8' });
  return output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as number[][]);
}
