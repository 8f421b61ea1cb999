/**
 * The environment variable that passes a token to servers and workers: unlike arguments, other users cannot read it.
 */
export const tokenVariable = 'UNROLL_TOKEN';
