/** Generates small recordings in which each letter is a tone of its own, for tests and first tries. */
import { type Random, seededRandom } from '@unroll/core/decoding';
import type { TaskSplit } from '../task.js';
import type { Utterance } from './utterance.js';

const sampleRate = 8000;
const letterSamples = 480;
const words = ['la', 'lo', 'ola', 'all', 'ao'];
const frequencies: Readonly<Record<string, number>> = { a: 500, l: 1200, o: 2500 };
const counts: Readonly<Record<TaskSplit, number>> = { train: 160, valid: 30, test: 30 };
const seeds: Readonly<Record<TaskSplit, number>> = { train: 1, valid: 2, test: 3 };

/** Returns the recordings of a part; every call returns the same. */
export function sampleUtterances(split: TaskSplit): Utterance[] {
  const random = seededRandom(seeds[split]);
  return Array.from({ length: counts[split] }, () => {
    const transcript = words[Math.floor(random() * words.length)]!;
    return { transcript, sampleRate, samples: spoken(transcript, random) };
  });
}

/** Generates tones with pauses between them, which distinguish two equal letters from one long one. */
function spoken(transcript: string, random: Random): Float32Array {
  const letters = [...transcript].map((letter) => ({
    letter,
    length: Math.round(letterSamples * (0.8 + 0.4 * random())),
  }));
  const samples: number[] = [];
  for (const { letter, length } of letters) {
    for (let k = 0; k < length; k++) {
      const tone = k < 0.7 * length ? 0.4 * Math.sin((2 * Math.PI * frequencies[letter]! * k) / sampleRate) : 0;
      samples.push(tone + 0.02 * (random() - 0.5));
    }
  }
  return Float32Array.from(samples);
}
