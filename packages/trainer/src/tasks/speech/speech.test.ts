import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../testing/unroll-process.js';
import { encodeWav } from '../../testing/wav.js';
import { readUtterances } from './recordings.js';
import { speech } from './task.js';
import { editDistance, letterErrorRate, wordErrorRate } from './word-errors.js';

describe('word errors', () => {
  test.each([
    ['', '', 0],
    ['seven', 'seven', 0],
    ['seven', 'svn', 2],
    ['three', 'thre', 1],
    ['six', 'nine', 3],
    ['', 'one', 3],
  ])('from %j to %j there are %d edits', (from, to, edits) => {
    expect(editDistance([...from], [...to])).toBe(edits);
    expect(editDistance([...to], [...from])).toBe(edits);
  });

  test('are relative to the number of spoken words, including insertions', () => {
    const transcriptions = [
      { said: 'one two three', recognized: 'one three' },
      { said: 'four', recognized: 'for four' },
    ];
    expect(wordErrorRate(transcriptions)).toBe(2 / 4);
    expect(letterErrorRate(transcriptions.slice(1))).toBe(1);
  });
});

/** A silent recording with this many samples. */
const wav = (samples: number, rate?: number) => encodeWav(new Float32Array(samples), rate);

describe('a folder of recordings', () => {
  test('gives each part its own recordings, with transcripts in letters', async () => {
    using folder = temporaryFolder();
    for (const name of ['7_jo_4.wav', '3_jo_5.wav', '0_jo_8.wav', '1_jo_20.wav']) {
      writeFileSync(join(folder.path, name), wav(400));
    }
    const said = async (split: 'train' | 'valid' | 'test') =>
      (await readUtterances(folder.path, split)).map(({ transcript }) => transcript);
    expect(await said('test')).toEqual(['seven']);
    expect(await said('valid')).toEqual(['three']);
    expect(await said('train')).toEqual(['zero', 'one']);
  });

  test.each([
    ['a name that says nothing', { 'hello.wav': wav(400) }, 'hello.wav: is not named {digit}_{speaker}_{index}.wav'],
    ['a file that is no WAV', { '7_jo_0.wav': Buffer.from('seven') }, '7_jo_0.wav: is not a WAV file'],
    ['less than a frame', { '7_jo_0.wav': wav(100) }, '7_jo_0.wav: holds 100 samples, less than a frame of 25 ms'],
    [
      'two sample rates',
      { '7_jo_0.wav': wav(400), '8_jo_0.wav': wav(400, 4000) },
      'its recordings have several sample rates',
    ],
    ['no recording of the part', { '7_jo_9.wav': wav(400) }, 'has no recordings for test; test is index 0 to 4'],
    ['a damaged archive', { 'recordings.tar.gz': Buffer.from('no archive') }, 'recordings.tar.gz: cannot be unpacked'],
    [
      'an archive that inflates beyond measure',
      { 'recordings.tar.gz': Buffer.concat(Array(9).fill(gzipSync(Buffer.alloc(2 ** 23)))) },
      'recordings.tar.gz: cannot be unpacked (its 73575 bytes inflate to more than 67108864, which no data does)',
    ],
    ['nothing', {}, 'holds neither WAV files nor recordings.tar.gz'],
  ])('with %s is refused in one line', async (_, files, message) => {
    using folder = temporaryFolder();
    for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder.path, name), bytes);
    await expect(readUtterances(folder.path, 'test')).rejects.toThrow(message);
  });

  test('with words too long for their recordings cannot be trained on', async () => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, '3_jo_8.wav'), wav(500));
    const model = speech.model(await speech.configure(folder.path, speech.defaults));
    await expect(model.trainingData(folder.path, speech.defaults)).rejects.toThrow(
      `${folder.path}: a recording of 'three' has 4 frames, too few for its letters`,
    );
  });

  test('of another sample rate than the model’s is refused', async () => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, '3_jo_0.wav'), wav(5000, 16_000));
    const model = speech.model(await speech.configure('sample', speech.defaults));
    await expect(model.heldOutData(folder.path, 'test')).rejects.toThrow(
      `${folder.path}: is sampled at 16000 Hz, the model hears 8000 Hz; resample it`,
    );
  });

  const data = join(process.env.UNROLL_DATA ?? '../shared/data', 'fsdd');
  test.skipIf(!existsSync(data))(`of the real digits has 300 for test (skipped without ${data})`, async () => {
    const utterances = await readUtterances(data, 'test');
    expect(utterances).toHaveLength(300);
    expect(new Set(utterances.map(({ transcript }) => transcript)).size).toBe(10);
    expect(utterances.every(({ sampleRate }) => sampleRate === 8000)).toBe(true);
  });
});
