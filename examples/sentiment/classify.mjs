// Says whether texts are positive or negative, with a bundle of `unroll export`:
//   unroll train --task sentiment --data sample --out runs/reviews
//   unroll export --checkpoint runs/reviews --out bundles/reviews
//   node examples/sentiment/classify.mjs bundles/reviews "a moving film" "dull from start to finish"
import { loadTextClassifier } from '@unroll/edge-runtime';

const [bundle, ...texts] = process.argv.slice(2);
if (!bundle || texts.length === 0) {
  console.error('give a bundle and at least one text');
  process.exit(2);
}
const classifier = await loadTextClassifier(bundle);
for (const text of texts) {
  const { label, probabilities } = await classifier.classify(text);
  console.log(`${label} (${(100 * probabilities[label]).toFixed(1)} %): ${text}`);
}
await classifier.dispose();
