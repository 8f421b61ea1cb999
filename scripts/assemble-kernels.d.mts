/** The contents of kernels.wasm.ts for the kernels.wat that stands beside it. */
export function assembledKernels(): Promise<string>;
