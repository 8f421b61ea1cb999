/** The option `role` of `train`: this process's place among the workers of servers that others have started. */
import { addressFault } from '@unroll/param-server/config';
import { z } from 'zod';
import { tellNewName } from '../configuration/former-names.js';
import { UsageError } from '../errors.js';
import { log } from '../terminal/log.js';
import type { WorkerRole } from '../training/learners/open-learner.js';
import { listenerFields } from './in-code.js';

const address = z.string().superRefine((text, context) => {
  const fault = addressFault(text);
  if (fault) context.addIssue(`'${text}' ${fault}`);
});

const roleFields = z.strictObject({
  serverAddresses: z.array(address).min(1),
  worker: z.int().nonnegative(),
  workers: z.int().positive(),
  serverTimeout: z.number().positive().optional(),
  security: z
    .custom<WorkerRole['security']>((value) => typeof value === 'object' && value !== null, 'must be an object')
    .optional(),
  onNotice: listenerFields.onNotice,
});

/** The names that fields had before. */
const formerFields = { servers: 'serverAddresses', serverTimeoutSeconds: 'serverTimeout' } as const;

export const roleSchema = z.preprocess((given) => {
  if (typeof given !== 'object' || given === null) return given;
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [formerFields[name as keyof typeof formerFields] ?? name, value]),
  );
}, roleFields);

/**
 * Returns the role with a receiver of its notices, and tells which of its fields were given by former names.
 * @throws UsageError if there is no such worker
 */
export function checkedRole(role: z.infer<typeof roleFields>, given: object): WorkerRole {
  for (const [former, name] of Object.entries(formerFields)) {
    if (former in given) tellNewName(`role.${former}`, `role.${name}`);
  }
  const { worker, workers } = role;
  if (worker >= workers) throw new UsageError(`role.worker: ${worker} is not below role.workers, ${workers}`);
  return { ...role, onNotice: role.onNotice ?? log };
}
