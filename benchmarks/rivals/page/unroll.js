// Unroll's runtime, as its documentation has it used: in a worker of its own.
import { loadLanguageModel } from '@unroll/edge-runtime';

export async function load(base) {
  const model = await loadLanguageModel(base);
  return async (count) => {
    const ids = [];
    for await (const { id } of model.generate('', { temperature: 0, maxTokens: count })) ids.push(id);
    return ids;
  };
}
