// Unroll's runtime, used as its documentation recommends: in a worker of its own.
import { loadLanguageModel } from '@unroll/edge-runtime';

export async function load(base) {
  const model = await loadLanguageModel(base);
  return async (count) => {
    const ids = [];
    for await (const { id } of model.generate('', { temperature: 0, maxTokens: count })) ids.push(id);
    return ids;
  };
}
