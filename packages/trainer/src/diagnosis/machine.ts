/** Checks Node, the machine and Unroll itself. */

import { availableParallelism, cpus, totalmem } from 'node:os';
import { counted } from '@unroll/param-server/config';
import { version } from '../version.js';
import type { Check } from './check.js';

/** The oldest Node version with all features that are used. */
const oldestNode = [20, 19] as const;

export function checkNode(): Check {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const old = major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1]);
  return {
    name: 'Node.js',
    status: old ? 'broken' : 'ok',
    detail: `${process.version} on ${process.platform}/${process.arch}`,
    ...(old ? { remedy: `install Node.js ${oldestNode.join('.')} or newer` } : {}),
  };
}

export function checkMachine(): Check {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  const gigabytes = (totalmem() / 2 ** 30).toFixed(1);
  return {
    name: 'machine',
    status: 'ok',
    detail: `${counted(availableParallelism(), 'core')} (${model}), ${gigabytes} GiB memory`,
  };
}

export function checkUnroll(): Check {
  return { name: 'unroll', status: 'ok', detail: version };
}
