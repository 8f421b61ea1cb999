/** What this process uses of its machine. */
export interface ProcessUse {
  /** Processor seconds since its start, over all threads. */
  readonly cpuSeconds: number;
  /** The memory that it has now. */
  readonly memoryBytes: number;
}

export function processUse(): ProcessUse {
  const { user, system } = process.cpuUsage();
  return { cpuSeconds: (user + system) / 1e6, memoryBytes: process.memoryUsage.rss() };
}
