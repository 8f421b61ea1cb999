/**
 * The schemas of the manifests: the fields of Kubernetes, JobSet and Volcano that ours use, and no others, so that a misspelt one
 * is refused. They follow the API servers' own (Kubernetes 1.31, jobset.x-k8s.io/v1alpha2, batch.volcano.sh/v1alpha1), in part.
 */
type Schema = Readonly<Record<string, unknown>>;

const text: Schema = { type: 'string', minLength: 1 };
const count: Schema = { type: 'integer', minimum: 0 };
const name: Schema = { type: 'string', pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$' };
const quantity: Schema = { type: 'string', pattern: '^\\d+(m|[KMGT]i)?$' };
const labels: Schema = { type: 'object', additionalProperties: text };
const oneOf = (...values: readonly unknown[]): Schema => ({ enum: values });
const list = (items: Schema): Schema => ({ type: 'array', items });

/** An object with these fields and no others; those whose names end in `!` it must have. */
function object(fields: Readonly<Record<string, Schema>>): Schema {
  const required = Object.keys(fields).filter((field) => field.endsWith('!'));
  const properties = Object.fromEntries(Object.entries(fields).map(([field, type]) => [field.replace('!', ''), type]));
  return {
    type: 'object',
    properties,
    required: required.map((field) => field.slice(0, -1)),
    additionalProperties: false,
  };
}

const metadata = object({ 'name!': name });

const probe = object({
  'grpc!': object({ 'port!': count }),
  periodSeconds: count,
  timeoutSeconds: count,
  failureThreshold: count,
});

const quantities = object({ cpu: quantity, memory: quantity });

const container = object({
  'name!': name,
  'image!': text,
  args: list(text),
  env: list(
    object({
      'name!': text,
      value: text,
      valueFrom: object({ secretKeyRef: object({ 'name!': name, 'key!': text }) }),
    }),
  ),
  ports: list(object({ name, 'containerPort!': { type: 'integer', minimum: 1, maximum: 65535 } })),
  startupProbe: probe,
  readinessProbe: probe,
  livenessProbe: probe,
  resources: object({ requests: quantities, limits: quantities }),
  securityContext: object({
    allowPrivilegeEscalation: { type: 'boolean' },
    capabilities: object({ drop: list(text) }),
  }),
  volumeMounts: list(object({ 'name!': name, 'mountPath!': text })),
});

const podTemplate = object({
  metadata: object({ labels }),
  'spec!': object({
    'restartPolicy!': oneOf('Never', 'OnFailure'),
    terminationGracePeriodSeconds: count,
    securityContext: object({
      runAsNonRoot: { type: 'boolean' },
      runAsUser: count,
      fsGroup: count,
      seccompProfile: object({ 'type!': oneOf('RuntimeDefault', 'Localhost', 'Unconfined') }),
    }),
    'containers!': { ...list(container), minItems: 1 },
    volumes: list(object({ 'name!': name, persistentVolumeClaim: object({ 'claimName!': name }) })),
  }),
});

const podFailurePolicy = object({
  'rules!': list({
    ...object({
      'action!': oneOf('Ignore', 'FailJob', 'FailIndex', 'Count'),
      onPodConditions: list(object({ 'type!': text, status: oneOf('True', 'False', 'Unknown') })),
      onExitCodes: object({ 'operator!': oneOf('In', 'NotIn'), 'values!': list(count) }),
    }),
    oneOf: [{ required: ['onPodConditions'] }, { required: ['onExitCodes'] }],
  }),
});

const indexedJob = object({
  'completionMode!': oneOf('Indexed'),
  'completions!': count,
  'parallelism!': count,
  backoffLimit: count,
  podFailurePolicy,
  'template!': podTemplate,
});

const jobSet = object({
  network: object({ enableDNSHostnames: { type: 'boolean' }, publishNotReadyAddresses: { type: 'boolean' } }),
  successPolicy: object({ 'operator!': oneOf('All', 'Any'), targetReplicatedJobs: list(name) }),
  failurePolicy: object({ maxRestarts: count }),
  'replicatedJobs!': list(
    object({
      'name!': name,
      replicas: count,
      dependsOn: { ...list(object({ 'name!': name, 'status!': oneOf('Ready', 'Complete') })), maxItems: 1 },
      'template!': object({ 'spec!': indexedJob }),
    }),
  ),
});

const volcanoPolicies = list(
  object({
    'event!': oneOf('PodFailed', 'PodEvicted', 'PodPending', 'TaskCompleted', 'TaskFailed', 'Unknown', '*'),
    'action!': oneOf('AbortJob', 'RestartJob', 'RestartTask', 'RestartPod', 'TerminateJob', 'CompleteJob'),
  }),
);

const volcanoJob = object({
  'schedulerName!': oneOf('volcano'),
  minAvailable: count,
  maxRetry: count,
  plugins: { type: 'object', additionalProperties: list(text) },
  policies: volcanoPolicies,
  'tasks!': list(object({ 'name!': name, replicas: count, policies: volcanoPolicies, 'template!': podTemplate })),
});

const disruptionBudget = object({
  'minAvailable!': count,
  'selector!': object({ 'matchLabels!': labels }),
});

const volumeClaim = object({
  'accessModes!': list(oneOf('ReadWriteOnce', 'ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOncePod')),
  'resources!': object({ 'requests!': object({ 'storage!': quantity }) }),
});

/** The schemas by `<apiVersion> <kind>`. */
export const manifestSchemas: Readonly<Record<string, Schema>> = Object.fromEntries(
  Object.entries({
    'jobset.x-k8s.io/v1alpha2 JobSet': jobSet,
    'batch.volcano.sh/v1alpha1 Job': volcanoJob,
    'policy/v1 PodDisruptionBudget': disruptionBudget,
    'v1 PersistentVolumeClaim': volumeClaim,
  }).map(([type, spec]) => [
    type,
    object({ 'apiVersion!': text, 'kind!': text, 'metadata!': metadata, 'spec!': spec }),
  ]),
);
