/**
 * Reads the role from TF_CONFIG, the variable that TensorFlow's parameter-server jobs get from Volcano's `tensorflow`
 * plugin, Kubeflow and Vertex AI. https://www.tensorflow.org/guide/distributed_training#TF_CONFIG
 */
import { addressFault } from '@unroll/param-server/config';
import { z } from 'zod';
import { schemaFault, UnrollError, UsageError } from '../errors.js';
import type { Role } from './role.js';
import { checkedServers } from './server-addresses.js';

const address = z.string().superRefine((text, context) => {
  const fault = addressFault(text);
  if (fault) context.addIssue(`'${text}' ${fault}`);
});

const clusterSchema = z.object({
  cluster: z.object({
    ps: z.array(address).min(1, 'names no parameter server'),
    worker: z.array(address).default([]),
    chief: z.array(address).max(1).default([]),
    master: z.array(address).max(1).default([]),
  }),
  task: z.object({ type: z.string(), index: z.coerce.number().int().min(0) }),
});

/**
 * Returns the role of a TensorFlow task: `ps` is a server, `worker` a worker, and `chief` (formerly `master`) is worker
 * 0, before the others.
 * @throws UsageError naming the fault in the text; UnrollError if the task has no work here
 */
export function roleOfTensorFlowConfig(text: string): Role {
  const { cluster, task } = parse(text);
  const source = 'TF_CONFIG';
  const chiefs = [...cluster.chief, ...cluster.master].length;
  const place = {
    workers: chiefs + cluster.worker.length,
    serverAddresses: checkedServers(cluster.ps, source),
    source,
  };
  switch (task.type) {
    case 'ps':
      return { kind: 'server', index: task.index, ...place };
    case 'worker':
      return { kind: 'worker', index: chiefs + task.index, ...place };
    case 'chief':
    case 'master':
      return { kind: 'worker', index: 0, ...place };
    default:
      throw new UnrollError(
        `TF_CONFIG: a task of type '${task.type}' has no work here (worker 0 evaluates); leave it out of the job`,
      );
  }
}

function parse(text: string): z.infer<typeof clusterSchema> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UsageError('TF_CONFIG: is not JSON; see what wrote it');
  }
  const { data, error } = clusterSchema.safeParse(value);
  if (data) return data;
  throw new UsageError(`TF_CONFIG: ${schemaFault(error)}; see what wrote it`);
}
