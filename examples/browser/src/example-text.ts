/** Writes a text to judge in the model's own language, with two words swapped. */
import type { LanguageModel } from '@unroll/edge-runtime';
import { type Unit, unitsOf } from './units.js';

/** Writes a sentence or two, with a different seed each time. */
export async function exampleText(model: LanguageModel): Promise<string> {
  let text = '';
  for await (const token of model.generate('', { maxTokens: 40, temperature: 0.6, seed: Date.now() }))
    text += token.text;
  return swapped(text.trim());
}

/** Swaps two of the text's words, a third and two thirds into it. */
function swapped(text: string): string {
  const units = unitsOf(text);
  const [first, second] = [1 / 3, 2 / 3].map((part) => units[Math.floor(part * units.length)]);
  if (!first || !second || first === second) return text;
  const end = (unit: Unit) => unit.start + unit.text.length;
  return [
    text.slice(0, first.start),
    text.slice(second.start, end(second)),
    text.slice(end(first), second.start),
    text.slice(first.start, end(first)),
    text.slice(end(second)),
  ].join('');
}
