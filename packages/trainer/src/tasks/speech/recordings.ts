/**
 * Reads recordings of spoken words named `{digit}_{speaker}_{index}.wav`, in a folder or in its archive
 * `recordings.tar.gz`, in the layout of the Free Spoken Digit Dataset; or a generated sample.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Recording, readWav } from '@unroll/core';
import { frameCount, logMelConfig } from '@unroll/core/internal';
import { unpackTar } from 'modern-tar';
import { firstLine, UnrollError } from '../../errors.js';
import { namesInFolder } from '../../files/folder-names.js';
import { gunzip } from '../../files/inflate.js';
import type { TaskSplit } from '../task.js';
import { sampleUtterances } from './sample-utterances.js';
import type { Utterance } from './utterance.js';

/** The name of the generated recordings, accepted where a path is expected. */
export const SAMPLE = 'sample';

const archive = 'recordings.tar.gz';
const digits = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'];
const namePattern = /^(?<digit>\d)_(?<speaker>[^_]+)_(?<index>\d+)\.wav$/;

/**
 * Reads the recordings of a part, sorted by name. Of each speaker's recordings of a digit, the first five are for test,
 * as published, the next three for validation, the others for training.
 * @throws UnrollError naming the file that is wrong
 */
export async function readUtterances(data: string, split: TaskSplit): Promise<Utterance[]> {
  if (data === SAMPLE) return sampleUtterances(split);
  const files = await wavFiles(data);
  const utterances = files
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([path, read]) => {
      const named = namePattern.exec(basename(path))?.groups;
      if (!named)
        throw new UnrollError(`${path}: is not named {digit}_{speaker}_{index}.wav, which tells what is said`);
      if (splitOf(Number(named.index)) !== split) return [];
      return [{ ...recordingIn(path, read()), transcript: digits[Number(named.digit)]! }];
    });
  if (utterances.length === 0) {
    throw new UnrollError(
      `${data}: has no recordings for ${split}; test is index 0 to 4, valid 5 to 7, train from 8 on`,
    );
  }
  const rate = utterances[0]!.sampleRate;
  if (utterances.some(({ sampleRate }) => sampleRate !== rate)) {
    throw new UnrollError(`${data}: its recordings have several sample rates; resample them to one`);
  }
  return utterances;
}

function splitOf(index: number): TaskSplit {
  if (index < 5) return 'test';
  return index < 8 ? 'valid' : 'train';
}

function recordingIn(path: string, bytes: Uint8Array): Recording {
  try {
    const recording = readWav(bytes);
    const { sampleRate, samples } = recording;
    if (frameCount(samples.length, logMelConfig(sampleRate)) > 0) return recording;
    throw new RangeError(`holds ${samples.length} samples, less than a frame of 25 ms`);
  } catch (error) {
    if (error instanceof RangeError) throw new UnrollError(`${path}: ${error.message}`, { cause: error });
    throw error;
  }
}

type NamedFile = readonly [path: string, read: () => Uint8Array];

async function wavFiles(data: string): Promise<NamedFile[]> {
  if (!existsSync(data) || !statSync(data).isDirectory()) {
    throw new UnrollError(`${data}: no such folder; give one of WAV files or with ${archive}, or '${SAMPLE}'`);
  }
  if (existsSync(join(data, archive))) return filesInArchive(join(data, archive));
  const names = namesInFolder(data).names.filter((name) => name.endsWith('.wav'));
  if (names.length > 0) return names.map((name) => [join(data, name), () => readFileSync(join(data, name))]);
  throw new UnrollError(`${data}: holds neither WAV files nor ${archive}`);
}

async function filesInArchive(path: string): Promise<NamedFile[]> {
  try {
    const entries = await unpackTar(gunzip(readFileSync(path)));
    return entries.flatMap(({ header, data }) =>
      data && header.name.endsWith('.wav') ? [[`${path}/${header.name}`, () => data] as const] : [],
    );
  } catch (error) {
    throw new UnrollError(`${path}: cannot be unpacked (${firstLine(error)}); fetch it again`, { cause: error });
  }
}
