/** A text to judge, in whatever language the model knows: its own, in which two words have changed places. */
import type { LanguageModel } from '@unroll/edge-runtime';

/** Writes a sentence or two with another seed each time. */
export async function exampleText(model: LanguageModel): Promise<string> {
  let text = '';
  for await (const token of model.generate('', { maxTokens: 40, temperature: 0.6, seed: Date.now() }))
    text += token.text;
  const parts = text.trim().split(/(\s+)/); // words at even places, the white space between at odd ones
  const [first, second] = [evenPlace(parts, 1 / 3), evenPlace(parts, 2 / 3)];
  [parts[first], parts[second]] = [parts[second]!, parts[first]!];
  return parts.join('');
}

function evenPlace(parts: readonly string[], fraction: number): number {
  return 2 * Math.floor((fraction * parts.length) / 2);
}
