// Trains the model of `unroll train --task translation` in PyTorch on the same token ids. Reports its perplexities and
// the BLEU of its translations, for comparison with ours. Takes half an hour.
//   node benchmarks/translation/run.mjs ../shared/data/multi30k-en-de [THREADS]
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { corpusBleu } from '@unroll/core';
import { trainTokenizer } from '@unroll/core/text';
import { readPairs } from '../../packages/trainer/dist/tasks/translation/sentence-pairs.js';

const [data, threads = '1'] = process.argv.slice(2);
const script = fileURLToPath(new URL('pytorch.py', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'unroll-translation-'));
const at = (name) => join(folder, name);

const parts = Object.fromEntries(['train', 'valid', 'test'].map((part) => [part, readPairs(data, part)]));
const texts = parts.train.map(({ source, target }) => `${source}\n${target}\n`);
const tokenizer = trainTokenizer('bpe', texts, { vocabSize: 4000 });
const encoded = Object.entries(parts).map(([part, pairs]) => [
  part,
  pairs.map(({ source, target }) => [source, target].map((text) => tokenizer.encode(`${text}\n`))),
]);
try {
  const given = { vocabulary: tokenizer.vocabSize, eos: tokenizer.eosId, ...Object.fromEntries(encoded) };
  writeFileSync(at('ids.json'), JSON.stringify(given));
  execFileSync(process.env.PYTHON ?? 'python3', [script, at('ids.json'), at('hypotheses.json'), threads], {
    stdio: 'inherit',
  });
  const hypotheses = JSON.parse(readFileSync(at('hypotheses.json'), 'utf8')).map((ids) => tokenizer.decode(ids));
  const references = parts.test.map(({ target }) => target);
  const { score, brevityPenalty } = corpusBleu(hypotheses, references);
  console.log(`test BLEU ${score.toFixed(2)}, brevity penalty ${brevityPenalty.toFixed(3)}`);
} finally {
  rmSync(folder, { recursive: true });
}
