/** `@unroll/trainer`: the engines that run programs, and the `unroll` command as a function. */
export { main } from './cli.js';
export { type Engine, type Executable, type Residents, type ResidentValues, zeros } from './engines/engine.js';
export { type EngineName, engineNames, selectEngine } from './engines/select.js';
