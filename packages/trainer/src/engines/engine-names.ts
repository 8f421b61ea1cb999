/** The values of `--engine`; `select.ts` explains each. */
export const engineNames = [
  'auto',
  'onnxruntime',
  'cuda',
  'webgpu',
  'tensorflow',
  'tfjs-webgpu',
  'wasm',
  'cpu',
] as const;
export type EngineName = (typeof engineNames)[number];
