// ONNX Runtime's own profile of a graph: the time of each node in each run.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeOnnx } from '@unroll/core';
import { InferenceSession } from 'onnxruntime-node';

/**
 * Returns the events of a session in which `work` runs the graph.
 * @param options the options of the engine whose step is profiled
 */
export async function profileOf(graph, options, work) {
  const folder = mkdtempSync(join(tmpdir(), 'unroll-profile-'));
  try {
    const session = await InferenceSession.create(encodeOnnx(graph), {
      ...options,
      enableProfiling: true,
      profileFilePrefix: join(folder, 'step'),
    });
    await work(session);
    session.endProfiling();
    const [file] = readdirSync(folder);
    return JSON.parse(readFileSync(join(folder, file), 'utf8'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Returns the runs of each node in a profile, by the node's name. Loops are left out, as their bodies' nodes are counted. */
export function nodeRuns(events) {
  const runs = events.filter(
    ({ cat, name }) => cat === 'Node' && name.endsWith('_kernel_time') && !name.startsWith('Scan_'),
  );
  return groupBy(runs, ({ name }) => name.replace('_kernel_time', ''));
}

/** Formats `nodes`, each with an operator and a time in µs, as a table of operators, the longest first. */
export function byOperator(nodes) {
  return [...groupBy(nodes, ({ operator }) => operator)]
    .map(([operator, group]) => ({
      operator,
      nodes: group.length,
      'ms a step': milliseconds(group.reduce((sum, { time }) => sum + time, 0)),
    }))
    .sort((a, b) => b['ms a step'] - a['ms a step']);
}

function groupBy(values, key) {
  const groups = new Map();
  for (const value of values) groups.set(key(value), [...(groups.get(key(value)) ?? []), value]);
  return groups;
}

export function milliseconds(microseconds) {
  return Number((microseconds / 1000).toFixed(3));
}
