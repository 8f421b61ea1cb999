/** The engines, as `--engine` names them; `select.ts` says what each is. */
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
