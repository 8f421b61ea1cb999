/**
 * The greatest number of parameters and lane states on one server unless told otherwise: 1 GiB, and as much for each
 * vector of the optimizer's state.
 */
export const defaultMaxParameters = 2 ** 28;

/** The greatest number that a server can be told: messages count elements in 32 bits. */
export const mostMaxParameters = 2 ** 32;
