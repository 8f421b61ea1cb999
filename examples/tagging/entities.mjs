// Finds names and what they stand for in sentences, with a bundle of `unroll export`:
//   unroll train --task tagging --data sample --out runs/names
//   unroll export --checkpoint runs/names --out bundles/names
//   node examples/tagging/entities.mjs bundles/names "He met Mr Jordan and they live near Lincoln."
import { loadSequenceTagger } from '@unroll/edge-runtime';

const [bundle, ...sentences] = process.argv.slice(2);
if (!bundle || sentences.length === 0) {
  console.error('give a bundle and at least one sentence');
  process.exit(2);
}
const tagger = await loadSequenceTagger(bundle);
for (const sentence of sentences) {
  const { entities } = await tagger.tag(sentence);
  for (const { type, text, span } of entities) console.log(`${type}: ${text} (${span.join(' to ')})`);
}
await tagger.dispose();
