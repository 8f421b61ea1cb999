// A round of federated averaging, with the client that browsers run and the gateway over a real socket.
import { once } from 'node:events';
import { appendFileSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import {
  initialParameters,
  languageModelConfig,
  languageModelStepGraph,
  parameterShapes,
  personalizationGraphs,
} from '@unroll/core';
import { trainTokenizer } from '@unroll/core/text';
import { buildBundle, loadLocalLanguageModel } from '@unroll/edge-runtime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Checkpoint, readCheckpoint, writeModel } from '../checkpoint/checkpoint.js';
import { replaceFolder } from '../files/result-folder.js';
import { mountSmallDisk } from '../testing/small-disk.js';
import { temporaryFolder } from '../testing/unroll-process.js';
import { type GatherOptions, type GatherResult, gatherRound } from './gather.js';
import { appendToLedger, ledgerLine, readLedger } from './ledger.js';
import { epsilonOf } from './privacy.js';
import { FederatedRound } from './round.js';

const root = temporaryFolder();
const path = (name: string) => join(root.path, name);
const text = `${'the old dog sees the young cat\nthe cat sees the bird\n'.repeat(5)}`;
let checkpoint: Checkpoint;
let model: string;

beforeAll(async () => {
  const tokenizer = trainTokenizer('word', text, { vocabSize: 20 });
  const config = languageModelConfig({ vocabSize: tokenizer.vocabSize, embeddingDim: 8, hiddenDim: 8 });
  checkpoint = { config, tokenizer, parameters: initialParameters(config, { seed: 1 }) };
  await writeModel(path('first'), checkpoint);
  const files = await buildBundle({
    graph: languageModelStepGraph(config, checkpoint.parameters),
    tokenizerJson: tokenizer.toJSON(),
    config: { ...config },
    quantization: 'none',
    personalization: personalizationGraphs(config),
  });
  await replaceFolder(path('bundle'), Object.fromEntries(files));
  model = JSON.parse(readFileSync(path('bundle/manifest.json'), 'utf8')).files['model.onnx'].sha256;
});
afterAll(() => root[Symbol.dispose]());

/** Gathers a round of two while `clients` talk to it. */
async function gather(
  name: string,
  clients: (url: string) => Promise<void>,
  options: Partial<GatherOptions> = {},
): Promise<GatherResult> {
  let talking = Promise.resolve();
  const controller = new AbortController();
  const result = gatherRound(
    checkpoint,
    {
      ...{ model, out: path(name), ledger: path(`${name}.jsonl`), clients: 2, population: 2, honest: 2, delta: 1e-5 },
      ...{ clipNorm: 1, noiseMultiplier: 1e-4, host: '127.0.0.1', port: 0, origin: '*', token: undefined },
      onServing: (url) => {
        talking = clients(url).catch((error) => controller.abort(error));
      },
      onUpdate: () => {},
      ...options,
    },
    controller.signal,
  );
  const gathered = await result;
  await talking;
  return gathered;
}

/** Sends an update like a client that follows the protocol, unless `headers` say otherwise. */
function post(url: string, body: Float32Array<ArrayBuffer>, headers: Record<string, string> = {}): Promise<Response> {
  const usual = { 'unroll-model': model, 'idempotency-key': crypto.randomUUID(), ...headers };
  return fetch(`${url}/contributions`, { method: 'POST', body, headers: usual });
}

const size = () =>
  Object.values(parameterShapes(checkpoint.config)).reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
const constant = (value: number) => new Float32Array(size()).fill(value);
/** Two clients whose updates are only noise, of the expected length. */
const twice = async (url: string) => {
  for (let k = 0; k < 2; k++) expect((await post(url, constant(3 / Math.SQRT2))).status).toBe(202);
};
const lengthOf = (values: readonly number[]) => Math.hypot(...values);

describe('a round of federated averaging', () => {
  test('adds the mean of what devices learned, clipped, to the parameters', async () => {
    await using device = await loadLocalLanguageModel(path('bundle'));
    await device.personalize([text], { method: 'full', steps: 30, learningRate: 0.01 });
    const norms: number[] = [];
    const result = await gather('second', async (url) => {
      for (let k = 0; k < 2; k++) norms.push((await device.contribute(url)).norm);
    });
    expect(norms[0]).toBeGreaterThan(1);

    const after = await readCheckpoint(path('second'));
    const change = Object.entries(after.parameters).flatMap(([name, values]) =>
      Array.from(values, (value, i) => value - checkpoint.parameters[name]![i]!),
    );
    expect(lengthOf(change)).toBeCloseTo(1, 2);
    expect(result).toMatchObject({ clients: 2, rounds: 1, delta: 1e-5 });
  });

  test('has the noise that its terms say', async () => {
    await using device = await loadLocalLanguageModel(path('bundle'));
    await device.personalize([text], { method: 'output-bias', steps: 1, learningRate: 1e-9 });
    await gather(
      'noisy',
      async (url) => {
        for (let k = 0; k < 2; k++) await device.contribute(url);
      },
      { clipNorm: 0.5, noiseMultiplier: 2 },
    );
    const after = await readCheckpoint(path('noisy'));
    const change = Object.entries(after.parameters).flatMap(([name, values]) =>
      Array.from(values, (value, i) => value - checkpoint.parameters[name]![i]!),
    );
    // The mean of two: a sum with the deviation 2·0.5, halved. Allows six standard errors of a sample deviation on
    // either side.
    const deviation = lengthOf(change) / Math.sqrt(change.length);
    expect(Math.abs(deviation / 0.5 - 1)).toBeLessThan(6 / Math.sqrt(2 * change.length));
  });

  test('counts an update once, however often it is sent, and refuses what comes of strangers', async () => {
    const token = 'secret';
    const authorization = `Bearer ${token}`;
    const statuses: Record<string, number> = {};
    await gather(
      'strict',
      async (url) => {
        const record = async (name: string, response: Promise<Response>) => {
          statuses[name] = (await response).status;
        };
        const good = constant(1e-3);
        await record('no token', post(url, good));
        await record('wrong token', post(url, good, { authorization: 'Bearer guess' }));
        await record('another model', post(url, good, { authorization, 'unroll-model': 'f'.repeat(64) }));
        await record('too short', post(url, good.slice(1), { authorization }));
        await record('too large', post(url, new Float32Array(size() + 1), { authorization }));
        await record('not a number', post(url, constant(Number.NaN), { authorization }));
        await record('too long', post(url, constant(1), { authorization }));
        await record('elsewhere', fetch(url, { headers: { authorization } }));
        await record('first', post(url, good, { authorization, 'idempotency-key': 'one' }));
        await record('first again', post(url, good, { authorization, 'idempotency-key': 'one' }));
        await record('second', post(url, good, { authorization, 'idempotency-key': 'two' }));
      },
      { token },
    );
    expect(statuses).toEqual({
      ...{ 'no token': 401, 'wrong token': 401, 'another model': 409, 'too short': 413, 'too large': 413 },
      ...{ 'not a number': 422, 'too long': 422, elsewhere: 404, first: 202, 'first again': 202, second: 202 },
    });
    const { parameters } = await readCheckpoint(path('strict'));
    const bias = parameters['output.bias']!;
    expect(bias[0]! - checkpoint.parameters['output.bias']![0]!).toBeCloseTo(1e-3, 6);
  });

  test('takes one update of each client, where clients have tokens of their own', async () => {
    const [one, two] = ['token of the first', 'token of the second'];
    const statuses: number[] = [];
    await gather(
      'told-apart',
      async (url) => {
        const send = async (token: string, key: string) => {
          const headers = { authorization: `Bearer ${token}`, 'idempotency-key': key };
          statuses.push((await post(url, constant(1e-3), headers)).status);
        };
        await send('token of nobody', 'a');
        await send(one, 'b');
        await send(one, 'b');
        await send(one, 'c');
        await send(two, 'd');
      },
      { clientTokens: [one, two] },
    );
    expect(statuses).toEqual([401, 202, 202, 409, 202]);
  });

  test('refuses an update that is shorter or longer than an honest one can be', () => {
    const terms = { model, parameters: 10_000, clients: 100, clipNorm: 1, noiseMultiplier: 10 };
    const round = new FederatedRound(terms);
    const withNorm = (norm: number) => new Float32Array(10_000).fill(norm / 100);
    // Its noise is 100 long, give or take 0.7: 10,000 numbers with a deviation of 1.
    expect(round.add('honest', withNorm(100))).toBeUndefined();
    expect(round.add('without noise', withNorm(1))).toMatchObject({ status: 422 });
    expect(round.add('lengthened', withNorm(106))).toMatchObject({ status: 422 });
  });

  test('has a greater ε where some clients are not taken to add their noise', async () => {
    const all = await gather('all-honest', twice, { noiseMultiplier: 3 });
    const half = await gather('half-honest', twice, { noiseMultiplier: 3, honest: 1 });
    expect(half.epsilon).toBeGreaterThan(all.epsilon);
    expect(half.epsilon).toBeCloseTo(epsilonOf([{ samplingRate: 1, noiseMultiplier: 3 / Math.SQRT2 }], 1e-5), 12);
  });

  test('lets pages of its origin ask, and no others', async () => {
    const headers: (string | null)[] = [];
    await gather(
      'origin',
      async (url) => {
        const preflight = await fetch(`${url}/contributions`, { method: 'OPTIONS' });
        headers.push(preflight.headers.get('access-control-allow-origin'));
        headers.push(preflight.headers.get('access-control-allow-headers'));
        for (let k = 0; k < 2; k++) await post(url, constant(1e-3));
      },
      { origin: 'https://keyboard.example' },
    );
    expect(headers).toEqual(['https://keyboard.example', 'authorization, content-type, idempotency-key, unroll-model']);
  });

  test('tells a device that its model is another one', async () => {
    await using device = await loadLocalLanguageModel(path('bundle'));
    await device.personalize([text], { method: 'output-bias', steps: 1 });
    const refused = gather(
      'other',
      async (url) => {
        await device.contribute(url);
      },
      { model: 'f'.repeat(64) },
    );
    await expect(refused).rejects.toMatchObject({ code: 'gateway-refused' });
    expect(existsSync(path('other'))).toBe(false);
    expect(existsSync(path('other.jsonl'))).toBe(false);
  });

  test('spends privacy with every round that its ledger has', async () => {
    const noise = { noiseMultiplier: 3, ledger: path('ledger.jsonl') };
    const first = await gather('round-1', twice, noise);
    const second = await gather('round-2', twice, noise);
    expect(second.rounds).toBe(2);
    expect(second.epsilon).toBeGreaterThan(first.epsilon);
    const sampled = await gather('round-3', twice, { ...noise, ledger: path('sampled.jsonl'), population: 1000 });
    expect(sampled.epsilon).toBeLessThan(first.epsilon);
  });
});

test('a device that learned nothing has nothing to contribute', async () => {
  await using device = await loadLocalLanguageModel(path('bundle'));
  await expect(device.contribute('http://127.0.0.1:1')).rejects.toThrow('personalize the model first');
});

test('a gateway that is not there is named', async () => {
  await using device = await loadLocalLanguageModel(path('bundle'));
  await device.personalize([text], { method: 'output-bias', steps: 1 });
  await expect(device.contribute('http://127.0.0.1:1')).rejects.toMatchObject({ code: 'unreachable' });
});

test.each<[string, (response: ServerResponse) => void]>([
  [
    'without end',
    (response) => {
      const more = () => {
        while (!response.destroyed && response.write(' '.repeat(2 ** 16)));
      };
      more();
      response.on('drain', more);
    },
  ],
  ['terms that are none', (response) => response.end('{"model":"a","parameters":1,"clients":0,"clipNorm":null}')],
])('a gateway that answers %s is refused', async (_, answer) => {
  await using device = await loadLocalLanguageModel(path('bundle'));
  await device.personalize([text], { method: 'output-bias', steps: 1 });
  const server = createServer((_request, response) => answer(response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const contributed = device.contribute(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  await expect(contributed).rejects.toMatchObject({
    code: 'gateway-refused',
    message: expect.stringMatching(/: what it answers is no round; check the address$/),
  });
  server.closeAllConnections();
  server.close();
});

test('a full round takes no more', () => {
  const terms = { model, parameters: 2, clients: 1, clipNorm: 1, noiseMultiplier: 1 };
  const round = new FederatedRound(terms);
  expect(round.add('a', Float32Array.of(0.5, 0))).toBeUndefined();
  expect(round.add('b', Float32Array.of(0.5, 0))).toMatchObject({ status: 409 });
  expect(round.mean({ x: 2 })).toEqual({ x: Float32Array.of(0.5, 0) });
});

test('a connection on which nothing is asked does not delay a round that is complete', async () => {
  let answer = '';
  let asked = Promise.resolve();
  await gather('with-a-silent-one', async (url) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    await once(socket, 'connect');
    asked = (async () => {
      for await (const bytes of socket) answer += bytes;
    })();
    for (const _ of [1, 2]) await post(url, new Float32Array(size()));
  });
  await asked;
  // After a minute it would be a 408.
  expect(answer).toBe('');
});

test('connections that ask nothing, or without the token, keep no client from contributing', async () => {
  const token = 'a token of sixteen';
  const authorization = `Bearer ${token}`;
  await gather(
    'among-strangers',
    async (url) => {
      const idle = Array.from({ length: 100 }, () => connect(Number(new URL(url).port)).on('error', () => undefined));
      for (const socket of idle.slice(50)) socket.write('POST /contributions HTTP/1.1\r\nhost: localhost\r\n');
      for (const _ of [1, 2]) await post(url, new Float32Array(size()), { authorization });
      for (const socket of idle) socket.destroy();
    },
    { token },
  );
});

test('a new ledger can be opened by its owner only', async () => {
  await appendToLedger(path('private.jsonl'), { samplingRate: 1, noiseMultiplier: 1, clipNorm: 1, clients: 2, model });
  expect(statSync(path('private.jsonl')).mode & 0o777).toBe(0o600);
});

test('a ledger that cannot be written is refused before the round, and its last line is never half of one', async ({
  skip,
}) => {
  expect(() => readLedger(path('nowhere/ledger.jsonl'))).toThrow(
    'ledger.jsonl: cannot be written: no such file or directory (ENOENT); choose another --ledger',
  );
  using disk = mountSmallDisk(path('disk'), 8192);
  if (!disk) skip('mounting a small disk is not permitted here');
  const ledger = path('disk/ledger.jsonl');
  const entry = { samplingRate: 1, noiseMultiplier: 1, clipNorm: 1, clients: 2, model: 'a'.repeat(1500) };
  for (const _ of [1, 2]) await appendToLedger(ledger, entry);
  await expect(appendToLedger(ledger, entry)).rejects.toThrow('cannot be written: no space left on device (ENOSPC)');
  expect(readLedger(ledger)).toHaveLength(2);
});

test('two rounds that end at once are both counted, by the one that is entered last', async () => {
  const ledger = path('shared.jsonl');
  const entry = { samplingRate: 1, noiseMultiplier: 1, clipNorm: 1, clients: 2, model };
  const counts = (await Promise.all([1, 2, 3].map(() => appendToLedger(ledger, entry)))).map((sums) => sums.length);
  expect(counts.sort()).toEqual([1, 2, 3]);
  expect(existsSync(`${ledger}.lock`)).toBe(false);
});

test('an entry begins a line of its own, whoever wrote the last', async () => {
  const ledger = path('unended.jsonl');
  const entry = { samplingRate: 1, noiseMultiplier: 1, clipNorm: 1, clients: 2, model };
  writeFileSync(ledger, ledgerLine(entry).trim());
  await appendToLedger(ledger, entry);
  expect(readLedger(ledger)).toHaveLength(2);
});

test('a damaged ledger is refused, with the line', () => {
  const ledger = path('damaged.jsonl');
  writeFileSync(ledger, '');
  expect(readLedger(ledger)).toEqual([]);
  appendFileSync(ledger, '{"samplingRate":2}\n');
  expect(() => readLedger(ledger)).toThrow(/damaged\.jsonl: line 1 is no entry of a privacy ledger/);
});
