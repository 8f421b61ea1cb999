/** One round between two folders: a checkpoint and its bundle, and the next checkpoint. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Waits } from '@unroll/param-server/config';
import { z } from 'zod';
import { readCheckpoint } from '../checkpoint/checkpoint.js';
import { inspectModel } from '../checkpoint/checkpoint-files.js';
import { UnrollError } from '../errors.js';
import { fileErrorReason } from '../files/file-error.js';
import { ResultLock } from '../files/result-lock.js';
import { log } from '../terminal/log.js';
import { type GatherOptions, type GatherResult, gatherRound } from './gather.js';

export interface GatewayRequest extends Omit<GatherOptions, 'model' | 'onServing' | 'onUpdate'> {
  /** The folder of the model that the devices have. */
  readonly checkpoint: string;
  /** The folder of the bundle that was exported from it. */
  readonly bundle: string;
}

/** @throws UnrollError naming what cannot be read or written; the signal's reason when it aborts */
export async function runGateway(request: GatewayRequest, signal: AbortSignal): Promise<GatherResult> {
  const { checkpoint: folder, bundle, ...options } = request;
  const { out, clients } = options;
  const checkpoint = await readCheckpoint(folder);
  if ((await inspectModel(out)) === 'foreign') {
    throw new UnrollError(`${out}: holds files that would be lost; choose another --out`);
  }
  await using lock = new ResultLock({ folder: out, role: 'gateway' });
  await lock.take();
  const waits = new Waits((line) => log(line));
  let updated = (): void => undefined;
  const awaitUpdates = (received: number): void => {
    updated();
    updated = waits.begin(`${clients - received} more updates`);
  };
  const gathered = gatherRound(
    checkpoint,
    {
      ...options,
      model: await modelOf(bundle),
      onServing: (url) => {
        log(`${url}: waiting for ${clients} updates`);
        awaitUpdates(0);
      },
      onUpdate: (received) => {
        log(`${received} of ${clients} updates`);
        awaitUpdates(received);
      },
    },
    signal,
  );
  return await gathered.finally(() => updated());
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
  return readFile(path, 'utf8').catch((error: unknown) => {
    throw new UnrollError(`${path}: cannot be read: ${fileErrorReason(error)}`);
  });
}
