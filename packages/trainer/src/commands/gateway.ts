/** `unroll gateway`: one round of federated averaging with differential privacy, over HTTP. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { z } from 'zod';
import { inspectModel, readCheckpoint } from '../checkpoint/checkpoint.js';
import { checkWritable } from '../checkpoint/folder.js';
import { UnrollError, UsageError } from '../errors.js';
import { type GatherResult, gatherRound } from '../gateway/gather.js';
import { interruptible } from '../terminal/interrupt.js';
import { addExamples, jsonOption, numberBetween, positiveInteger, positiveNumber, printResult } from './options.js';

interface GatewayFlags {
  checkpoint: string;
  bundle: string;
  out: string;
  ledger: string;
  clients: number;
  population?: number;
  clipNorm: number;
  noiseMultiplier: number;
  delta: number;
  host: string;
  port: number;
  origin: string;
  tokenFile?: string;
  json?: boolean;
}

export function addGateway(program: Command): void {
  const command = program
    .command('gateway')
    .description('gather what devices learned, clipped and noised by them, into the next checkpoint')
    .requiredOption('--checkpoint <dir>', 'the model that the devices have')
    .requiredOption('--bundle <dir>', 'the bundle that was exported from it')
    .requiredOption('--out <dir>', 'where the next checkpoint goes')
    .requiredOption('--ledger <file>', 'where every published sum is entered; keep it for all rounds with these people')
    .requiredOption('--clients <n>', 'updates in the round', positiveInteger)
    .option(
      '--population <n>',
      'people of whom the clients are chosen by chance (default: the clients)',
      positiveInteger,
    )
    .option('--clip-norm <x>', 'the greatest length of an update', positiveNumber, 1)
    .option('--noise-multiplier <x>', "the noise of the updates' sum, in clip norms", positiveNumber, 1)
    .option('--delta <x>', 'the δ of (ε, δ)-differential privacy', numberBetween(1e-300, 1), 1e-6)
    .option('--host <address>', 'the address to listen on; a proxy with TLS belongs before any but this', '127.0.0.1')
    .option('--port <n>', 'the port to listen on', positiveInteger, 8787)
    .option('--origin <url>', "the origin of the pages that contribute, or '*'", '*')
    .option('--token-file <file>', 'a secret that clients must show')
    .addOption(jsonOption())
    .action(async (flags: GatewayFlags) => {
      const result = await interruptible((signal) => gather(flags, signal));
      printResult(flags.json, result, () => describe(result));
    });
  addExamples(
    command,
    'gateway --checkpoint runs/first --bundle bundles/first --out runs/second --ledger privacy.jsonl --clients 100',
  );
}

async function gather(flags: GatewayFlags, signal: AbortSignal): Promise<GatherResult> {
  const { checkpoint: folder, bundle, out, tokenFile, population = flags.clients, ...options } = flags;
  if (population < flags.clients) {
    throw new UsageError(
      `--population ${population}: there are ${flags.clients} clients in a round; give at least as many`,
    );
  }
  const checkpoint = await readCheckpoint(folder);
  if ((await inspectModel(out)) === 'foreign') {
    throw new UnrollError(`${out}: holds files that would be lost; choose another --out`);
  }
  await checkWritable(out);
  return gatherRound(
    checkpoint,
    {
      ...options,
      out,
      population,
      model: await modelOf(bundle),
      token: tokenFile === undefined ? undefined : (await readText(tokenFile)).trim(),
      onServing: (url) => report(`${url}: waiting for ${flags.clients} updates`),
      onUpdate: (received) => report(`${received} of ${flags.clients} updates`),
    },
    signal,
  );
}

const manifestSchema = z.object({ files: z.object({ 'model.onnx': z.object({ sha256: z.string() }) }) });

async function modelOf(bundle: string): Promise<string> {
  const path = join(bundle, 'manifest.json');
  const text = await readText(path);
  try {
    return manifestSchema.parse(JSON.parse(text)).files['model.onnx'].sha256;
  } catch {
    throw new UnrollError(`${path}: is no bundle's manifest; export the bundle again`);
  }
}

function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UnrollError(`${path}: cannot be read (${error.code})`);
  });
}

function report(line: string): void {
  process.stderr.write(`${line}\n`);
}

function describe({ checkpoint, clients, rounds, epsilon, delta }: GatherResult): string {
  const published = rounds === 1 ? 'this round is' : `the ledger's ${rounds} rounds together are`;
  return `${checkpoint}: the mean of ${clients} updates; ${published} (ε = ${epsilon.toFixed(3)}, δ = ${delta})-differentially private`;
}
