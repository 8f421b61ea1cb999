// Every application in a real browser, under a strict content security policy. It computes the same as in Node.
import { expect, test } from 'vitest';
import * as edgeRuntime from '../index.js';
import { builtPage, executablePath, launchChromium, pages, withPage } from '../testing/browser.js';
import { sampleApplications } from '../testing/sample-applications.js';

interface Question {
  readonly api: typeof edgeRuntime;
  /** The base address of the bundles. */
  readonly base: string;
  readonly sentence: string;
  readonly samples: readonly number[];
  readonly rows: readonly (readonly number[])[];
  readonly signal: readonly number[];
}

/**
 * The results of every application. It runs in Node and, from its source text, in the page, so it uses only its
 * argument.
 */
async function answers({ api, base, sentence, samples, rows, signal }: Question) {
  const classifier = await api.loadTextClassifier(`${base}sentiment`);
  const tagger = await api.loadSequenceTagger(`${base}tagging`);
  const translator = await api.loadTranslator(`${base}translation`);
  const recognizer = await api.loadSpeechRecognizer(`${base}speech`);
  const forecaster = await api.loadForecaster(`${base}forecast`);
  const detector = await api.loadAnomalyDetector(`${base}anomaly`);
  const elmo = await api.loadElmo(`${base}elmo`);
  const first = await elmo.features(sentence.split(' '));
  const second = await elmo.features(['it', 'turns'], { state: first.state });
  const { label, probabilities } = await classifier.classify(sentence);
  const recognition = await recognizer.recognize(Float32Array.from(samples));
  const answer = {
    words: {
      label,
      tagging: await tagger.tag(sentence),
      translation: await translator.translate(sentence),
      ...recognition,
    },
    numbers: {
      probabilities: Object.values(probabilities),
      forecast: (await forecaster.forecast(rows)).flat(),
      scores: await detector.scores(signal, 60),
      features: [...first.values, ...second.values],
    },
  };
  for (const each of [classifier, tagger, translator, recognizer, forecaster, detector, elmo]) await each.dispose();
  return answer;
}

const wave = (count: number, pace: number) => Array.from({ length: count }, (_, k) => Math.sin(pace * k));
const question = {
  sentence: 'the wheel of the mill runs',
  samples: [...wave(900, 0.4), ...wave(900, 1.1)],
  rows: Array.from({ length: 8 }, (_, k) => [5 + Math.sin(k), 20 + 3 * Math.cos(k)]),
  signal: wave(100, 0.5).map((value, k) => (k === 80 ? 3 : value)),
};

test.skipIf(!executablePath)('every application gives the same results in a page as in Node', async () => {
  const files = new Map([...(await builtPage(pages.test)), ...(await sampleApplications())]);
  const browser = await launchChromium();
  await withPage(browser, files, async (page, { url }) => {
    const expected = await answers({ ...question, api: edgeRuntime, base: url });
    const api = await page.evaluateHandle(() => unroll);
    const actual = await page.evaluate(answers, { ...question, api, base: './' });
    expect(actual.words).toEqual(expected.words);
    expect(expected.words.translation).not.toBe('');
    expect(new Set(expected.words.tagging.tags).size).toBeGreaterThan(1);
    for (const [name, values] of Object.entries(expected.numbers)) {
      const other = actual.numbers[name as keyof typeof actual.numbers];
      expect(other).toHaveLength(values.length);
      expect(Math.max(...values.map((value, k) => Math.abs(value - other[k]!)))).toBeLessThan(1e-5);
      expect(new Set(values).size).toBeGreaterThan(1);
    }
  });
  await browser.close();
});
