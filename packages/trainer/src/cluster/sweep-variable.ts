/** The variable by which a training knows that a sweep started it, and ends with the sweep. */
export const sweepVariable = 'UNROLL_SWEEP';
