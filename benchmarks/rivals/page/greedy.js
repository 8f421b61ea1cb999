// Greedy generation for engines that have only a step.

/**
 * Returns `count` ids after `first`. `step` takes an id, returns the logits of the next one, and remembers what it has
 * read.
 */
export async function greedy(step, first, count) {
  const ids = [];
  for (let id = first; ids.length < count; ids.push(id)) id = argMax(await step(id));
  return ids;
}

function argMax(values) {
  let best = 0;
  for (let k = 1; k < values.length; k++) if (values[k] > values[best]) best = k;
  return best;
}
