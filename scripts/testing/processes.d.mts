export const runVariable: string;
export function childrenOf(pid: number): number[];
export function killTrees(pids: readonly number[]): void;
export function processesOf(run: string): number[];
export function kill(pid: number): void;
