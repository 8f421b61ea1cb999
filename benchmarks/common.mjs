// Shared helpers of the benchmarks: statistics, other programs' results, and PyTorch at its fastest.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/** Node flags, as for the processes of `unroll launch`. */
export const launchedFlags = ['--initial-old-space-size=1024'];
/** Environment of its parameter servers. */
export const serverEnvironment = { MALLOC_MMAP_THRESHOLD_: '131072', ...process.env };

/** @param {readonly number[]} values */
export function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** Returns the JSON that a program prints last; if it fails, throws its stderr. */
export function resultOf(command, args, env = process.env) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { env, encoding: 'utf8', maxBuffer: 2 ** 26 });
  if (status !== 0) throw error ?? new Error(stderr);
  return JSON.parse(stdout.trim().split('\n').at(-1));
}

/** Finds a Python that has PyTorch, Debian's first; undefined if there is none. */
export function findPyTorch() {
  return ['/usr/bin/python3', 'python3'].find((path) => spawnSync(path, ['-c', 'import torch']).status === 0);
}

/** PyTorch's fastest setting, also if OpenBLAS does not recognise an AVX-512 processor by itself. */
export function torchEnvironment(threads) {
  const processor = '/proc/cpuinfo';
  const avx512 = existsSync(processor) && readFileSync(processor, 'utf8').includes('avx512f');
  return {
    ...process.env,
    OMP_NUM_THREADS: String(threads),
    OPENBLAS_NUM_THREADS: String(threads),
    OMP_WAIT_POLICY: 'passive',
    ...(avx512 ? { OPENBLAS_CORETYPE: 'SKYLAKEX' } : {}),
  };
}
