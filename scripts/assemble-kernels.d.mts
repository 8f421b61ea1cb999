/** The contents of kernels.wasm.ts for the kernels.wat in its folder. */
export function assembledKernels(): Promise<string>;
