import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sampleBundleOf } from '../testing/sample-applications.js';
import { loadSequenceTagger } from './sequence-tagger.js';
import { loadTextClassifier } from './text-classifier.js';

test('applications that are asked several things at once answer as one after another, until they are disposed of', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'unroll-applications-'));
  try {
    for (const task of ['sentiment', 'tagging']) {
      await mkdir(join(folder, task));
      for (const [name, bytes] of await sampleBundleOf(task)) await writeFile(join(folder, task, name), bytes);
    }
    await using classifier = await loadTextClassifier(join(folder, 'sentiment'));
    await using tagger = await loadSequenceTagger(join(folder, 'tagging'));
    const texts = ['the river runs', 'past the mill', 'the wheel of the mill turns and turns'];
    const questions = texts.flatMap((text) => [() => tagger.tag(text), () => classifier.classify(text)]);
    const expected: unknown[] = [];
    for (const ask of questions) expected.push(await ask());
    expect(await Promise.all(questions.map((ask) => ask()))).toEqual(expected);
    await Promise.all([tagger.dispose(), tagger.dispose()]);
    await expect(tagger.tag('the river')).rejects.toThrow('the tagging application was disposed of; load it again');
  } finally {
    await rm(folder, { recursive: true });
  }
});
