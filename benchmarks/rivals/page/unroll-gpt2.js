// Unroll's runtime with a GPT-2 in Hugging Face's layout.
import { loadGpt2 } from '@unroll/edge-runtime';

export async function load(base) {
  const model = await loadGpt2(base);
  return async (count) => {
    const ids = [];
    for await (const { id } of model.generate('', { temperature: 0, maxTokens: count })) ids.push(id);
    return ids;
  };
}
