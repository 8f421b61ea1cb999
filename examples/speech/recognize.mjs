// Prints the word that is spoken in each recording, with a bundle of `unroll train --task speech`:
//   node examples/speech/recognize.mjs BUNDLE FILE.wav...
import { readFile } from 'node:fs/promises';
import { readWav } from '@unroll/core';
import { loadSpeechRecognizer } from '@unroll/edge-runtime';

const [bundle, ...files] = process.argv.slice(2);
if (!bundle || files.length === 0) {
  console.error('usage: node recognize.mjs BUNDLE FILE.wav...');
  process.exit(2);
}
const recognizer = await loadSpeechRecognizer(bundle);
for (const file of files) {
  const { sampleRate, samples } = readWav(await readFile(file));
  if (sampleRate !== recognizer.sampleRate) {
    console.error(`${file}: is sampled at ${sampleRate} Hz, the model hears ${recognizer.sampleRate} Hz; resample it`);
    process.exit(1);
  }
  const { word, spelt } = await recognizer.recognize(samples);
  console.log(`${file}: ${word} (heard: ${spelt})`);
}
await recognizer.dispose();
