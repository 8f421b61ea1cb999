/** `@unroll/param-server`: servers that hold the parameters of a training run, and the client for its workers. */
export * from './client.js';
export * from './server.js';
