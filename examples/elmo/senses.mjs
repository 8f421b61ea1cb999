// Trains a small ELMo (Peters et al. 2018) on sentences in which "bank" is a house for money or the side of a river.
// Prints the words nearest to it in both senses, by features that depend on the sentence:
//   node examples/elmo/senses.mjs
// The training step is traced into an ONNX graph, which ONNX Runtime runs. Seeds are fixed, so it prints the same each
// time.
import {
  defaultOptimizer,
  elmoCharacters,
  elmoConfig,
  elmoFeaturesProgram,
  elmoLoss,
  elmoMixShapes,
  elmoParameterShapes,
  initialElmoParameters,
  lossTrainingProgram,
  slotShapes,
} from '@unroll/core';
import { selectEngine, zeros } from '@unroll/trainer';

const people = ['she', 'he', 'the girl', 'my uncle'];
const houses = ['bank', 'safe', 'vault'];
const sides = ['bank', 'shore', 'beach'];
const sentences = people.flatMap((who) => [
  ...houses.flatMap((house) => [
    `${who} put the coins in the ${house} that has locks`,
    `${who} took the gold from the ${house} that has guards`,
  ]),
  ...sides.flatMap((side) => [
    `${who} sat down on the ${side} where ducks swim`,
    `${who} walked along the ${side} where boats pass`,
  ]),
]);
const queries = [
  ['my uncle put the gold in the bank that has guards', 'bank'],
  ['my uncle sat down on the bank where boats pass', 'bank'],
  ['he took the coins from the vaults that has locks', 'vaults'], // a word that does not occur in training, read by its letters
];
const time = 14; // words of a sentence, including its two marks
const batch = 12;
const steps = 120;

const split = (sentence) => sentence.split(' ');
const marked = (sentence) => ['<s>', ...split(sentence), '</s>'];
const vocabulary = [...new Set(sentences.flatMap(marked))];

const config = elmoConfig({
  vocabSize: vocabulary.length,
  maxCharacters: 10,
  characterDim: 8,
  convolutions: [1, 2, 3].map((width) => ({ width, features: 8 * width })),
  highwayLayers: 1,
  hiddenDim: 64,
  projectionDim: 32,
});
const shape = { batch, time };

const spelled = (chosen) => elmoCharacters(chosen.map(split), { time, maxCharacters: config.maxCharacters });

/** Encodes `batch` sentences for training. */
function batchOf(chosen) {
  const words = new Int32Array(batch * time);
  for (const [lane, sentence] of chosen.entries()) {
    words.set(
      marked(sentence).map((word) => vocabulary.indexOf(word)),
      lane * time,
    );
  }
  return { ...spelled(chosen), words };
}

const optimizer = defaultOptimizer('adam');
const shapes = elmoParameterShapes(config);
const initial = initialElmoParameters(config, 1);
const resident = ([name, dimensions]) => [name, { shape: dimensions, values: initial[name] }];
const engine = await selectEngine('onnxruntime', 1);
const parameters = engine.allocate(Object.fromEntries(Object.entries(shapes).map(resident)));
const mix = engine.allocate(Object.fromEntries(Object.entries(elmoMixShapes).map(resident)));
const slots = engine.allocate(zeros(slotShapes(optimizer, shapes)));

const trainingStep = lossTrainingProgram(elmoLoss(config, shape), { optimizer, clipNorm: 1 });
const training = await engine.compile(trainingStep, [parameters, slots]);
for (let step = 1; step <= steps; step++) {
  // 5 and the number of sentences have no common divisor, so each batch mixes people, houses and sides.
  const chosen = Array.from({ length: batch }, (_, lane) => sentences[((step * batch + lane) * 5) % sentences.length]);
  const scalars = { learningRate: Float32Array.of(0.005), step: Float32Array.of(step) };
  const { loss } = await training.run({ ...batchOf(chosen), ...scalars });
  if (step % 40 === 0) console.log(`step ${step}: perplexity ${Math.exp(loss[0]).toFixed(2)} in either direction`);
}

const extraction = await engine.compile(elmoFeaturesProgram(config, shape), [parameters, mix]);

/** Computes the features of every word of the sentences. */
async function wordsOf(texts) {
  const found = [];
  for (let first = 0; first < texts.length; first += batch) {
    const some = texts.slice(first, first + batch);
    const padded = [...some, ...Array(batch - some.length).fill('')];
    const { features } = await extraction.run({ ...spelled(padded) });
    const width = features.length / (batch * time);
    for (const [lane, sentence] of some.entries()) {
      for (const [k, word] of split(sentence).entries()) {
        const position = lane * time + k + 1; // words follow the sentence's mark
        found.push({ word, sentence, vector: features.slice(position * width, (position + 1) * width) });
      }
    }
  }
  return found;
}

const dot = (a, b) => a.reduce((sum, value, k) => sum + value * b[k], 0);
const cosine = (a, b) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));

const known = await wordsOf(sentences);
for (const [sentence, word] of queries) {
  const { vector } = (await wordsOf([sentence])).find((each) => each.word === word);
  const others = known.filter((each) => each.word !== word);
  others.sort((a, b) => cosine(b.vector, vector) - cosine(a.vector, vector));
  const nearest = [...new Set(others.map((each) => each.word))].slice(0, 2);
  console.log(`"${word}" in "${sentence}" is nearest to: ${nearest.join(', ')}`);
}

for (const executable of [training, extraction]) await executable.dispose();
for (const each of [parameters, mix, slots]) each.dispose();
