// A run on machines that we do not have: the protocol's simulator, with links and machines of the speeds that were
// measured. One worker stands on each machine, and so does one server. The model is PTB medium (LSTM 2×650, 10,000 words, 19.8 M
// parameters), each worker with 10 sequences of 35 tokens, whatever the number of workers.
import { languageModelConfig } from '@unroll/core';
import { trainableLanguageModel } from '@unroll/core/internal';
import { GradientEncoder } from '../../packages/param-server/dist/codecs/gradient-encoder.js';
import { decodeVector } from '../../packages/param-server/dist/codecs/payload.js';
import { simulateTraining } from '../../packages/param-server/dist/simulation/simulation.js';
import { gradientChunks } from '../../packages/param-server/dist/vectors/gradient-rows.js';
import { partition } from '../../packages/param-server/dist/vectors/partition.js';
import { median } from '../common.mjs';

/** Figures of benchmarks/results.md, "The wire": PTB medium over bulk connections, one thread each, AMD EPYC (Zen 5). */
export const measured = {
  /** Milliseconds of a gradient of 10 sequences, in five pairs of runs. */
  compute: [197, 190, 191, 183, 179],
  /** Processor time: 37 ms of a worker for 53 MB each way; 36 + 12, 30 and 13 ms of a server for 107 MB each way. */
  worker: { perByteSent: 0.35e-9, perByteReceived: 0.35e-9 },
  server: { perByteSent: 0.28e-9, perByteReceived: 0.45e-9, perByteUpdated: 0.24e-9 },
};

const [words, width] = [10_000, 650];
const sequences = 10;
const tokensOfStep = sequences * 35;
const shapes = trainableLanguageModel(
  languageModelConfig({ vocabSize: words, embeddingDim: width, hiddenDim: width, layers: 2, cell: 'lstm' }),
).parameters;
const parameters = Object.entries(shapes).map(([name, shape]) => ({ name, shape }));
const sizeOf = (shape) => shape.reduce((product, length) => product * length, 1);
export const parameterCount = parameters.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
const embedding = parameters.find(({ shape }) => shape[0] === words && shape[1] === width);
const denseBytes = 4 * (parameterCount - words * width);
/** Bytes of a vector of which the embedding has only the rows of so many tokens. */
const bytesOf = (tokens) => denseBytes + 4 * width * Math.min(words, tokens);

export const codecs = {
  float32: { name: 'float32' },
  bfloat16: { name: 'bfloat16' },
  int8: { name: 'int8' },
  'power-sgd:4': { name: 'power-sgd', rank: 4 },
  'top-k:0.001': { name: 'top-k', density: 0.001, momentum: 0.9, isNesterov: false, clipNorm: 5 },
};
export const modes = ['sync', 'ssp', 'async', 'local'];
const [localSteps, staleness] = [25, 2];

/**
 * Encodes and decodes a gradient of the model's size by the codec itself: bytes, and milliseconds of processor time, the
 * least of some repetitions.
 */
export function measureCodec(codec, repetitions = 5) {
  if (codec.name === 'float32') return { bytes: bytesOf(tokensOfStep), encode: 0, decode: 0 };
  const layouts = partition(parameters, 1);
  const encoder = new GradientEncoder(codec, layouts);
  const [encode, decode, bytes] = [[], [], []];
  // A server decodes into vectors that it has used before: their pages are there.
  const vector = new Float32Array(layouts[0].length).fill(1);
  for (let step = 0; step < repetitions; step++) {
    const gradients = randomGradient(step);
    let encoded;
    encode.push(processorTime(() => (encoded = encoder.encode({ step, gradients, share: 1, forgetsAfter: false }))));
    if (encoded.type === 'payloads') {
      const [payload] = encoded.payloads;
      decode.push(processorTime(() => [...decodeVector(payload, layouts[0], vector, () => undefined)]));
      bytes.push(payload.length);
    } else {
      const chunks = [...gradientChunks(layouts[0], encoded.values)];
      bytes.push(chunks.reduce((sum, { offsets, data }) => sum + data.byteLength + 4 * offsets.length, 0));
      decode.push(0);
    }
  }
  return { bytes: median(bytes), encode: Math.min(...encode), decode: Math.min(...decode) };
}

/** Milliseconds of this process's processor time. */
function processorTime(work) {
  const began = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(began);
  return (user + system) / 1000;
}

/** Values of a bell curve; of the embedding only the rows of a batch. */
function randomGradient(seed) {
  let state = seed + 1;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const normal = () => uniform() + uniform() + uniform() - 1.5;
  return Object.fromEntries(
    parameters.map(({ name, shape }) => {
      const values = new Float32Array(sizeOf(shape));
      if (name !== embedding.name) return [name, values.map(normal)];
      for (let token = 0; token < tokensOfStep; token++) {
        const row = Math.floor(uniform() * words) * width;
        for (let i = 0; i < width; i++) values[row + i] = normal();
      }
      return [name, values];
    }),
  );
}

/** The vector that stands for all parameters in the simulation. */
const simulatedBytes = 4 * 512;
const steps = 5;

/**
 * Simulates a run.
 * @param costs what {@link measureCodec} returned
 * @returns seconds of a batch of each worker, and the bytes that it sends and receives for it
 */
export async function simulate({
  workers,
  servers,
  link,
  mode = 'sync',
  codec = 'float32',
  costs,
  compute = measured.compute,
}) {
  const batches = mode === 'local' ? localSteps : 1;
  // Parameters that change at a step: those of all workers' gradients together.
  const changed = codec.startsWith('top-k')
    ? Math.min(bytesOf(words), workers * costs.bytes)
    : bytesOf(tokensOfStep * batches * workers);
  const ratio = costs.bytes / bytesOf(tokensOfStep);
  const sent = codec === 'float32' || mode === 'local' ? ratio * bytesOf(tokensOfStep * batches) : costs.bytes;
  const random = randomOf(workers);
  const values = () => ({ all: new Float32Array(simulatedBytes / 4).fill(1) });
  const { stepStarts } = await simulateTraining({
    ...{ seed: 1, workers, shards: servers, network: { loss: 0, duplication: 0, maxDelay: 0 } },
    task: {
      steps,
      learningRate: 1 / 1024,
      model: {
        parameters: [{ name: 'all', shape: [simulatedBytes / 4, 1] }],
        optimizer: { name: 'sgd' },
        clipNorm: undefined,
        lanes: { count: workers, width: 1 },
        run: 'scaling',
        ...(mode === 'ssp' ? { staleness } : mode === 'async' ? { staleness: Number.POSITIVE_INFINITY } : {}),
      },
      initial: values,
      compute: (_lanes, _step, _parameters, laneStates) => ({ gradients: values(), laneStates }),
    },
    speeds: {
      link,
      latency: 50e-6,
      worker: measured.worker,
      server: {
        ...measured.server,
        perByteReceived: measured.server.perByteReceived + costs.decode / 1000 / sent,
      },
      scale: { up: sent / simulatedBytes, down: changed / simulatedBytes },
      computeSeconds: () => {
        let milliseconds = costs.encode;
        for (let k = 0; k < batches; k++) milliseconds += compute[Math.floor(random() * compute.length)];
        return milliseconds / 1000;
      },
    },
  });
  // The first step begins when the parameters have come; the last is not followed by another.
  const seconds = stepStarts.map((starts) => (starts.at(-1) - starts[1]) / (starts.length - 2));
  const mean = seconds.reduce((sum, each) => sum + each, 0) / workers / batches;
  return { seconds: mean, sent: sent / batches, received: changed / batches };
}

function randomOf(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

export const tokensPerSecond = ({ seconds }, workers) => (workers * tokensOfStep) / seconds;
/** A link as fast in both directions, in Gbit/s. */
export const linkOf = (gigabits) => ({ out: gigabits * 1.25e8, in: gigabits * 1.25e8 });
