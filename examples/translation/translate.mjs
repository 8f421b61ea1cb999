// Translates sentences, with a bundle of `unroll export`:
//   unroll train --task translation --data sample --out runs/toy
//   unroll export --checkpoint runs/toy --out bundles/toy
//   node examples/translation/translate.mjs bundles/toy "the old dog sees the cat ."
import { loadTranslator } from '@unroll/edge-runtime';

const [bundle, ...sentences] = process.argv.slice(2);
if (!bundle || sentences.length === 0) {
  console.error('give a bundle and at least one sentence');
  process.exit(2);
}
const translator = await loadTranslator(bundle);
for (const sentence of sentences) console.log(await translator.translate(sentence));
await translator.dispose();
