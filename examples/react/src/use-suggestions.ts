/** Suggests words for a text that changes. Always shows suggestions for the newest text that has any. */
import type { LanguageModel } from '@unroll/edge-runtime';
import { useEffect, useState } from 'react';

export function useSuggestions(model: LanguageModel | undefined, text: string, count: number): readonly string[] {
  const [suggestions, setSuggestions] = useState<readonly string[]>([]);

  useEffect(() => {
    let current = true;
    model?.suggest(text, { count }).then(
      (words) => current && setSuggestions(words),
      () => {}, // the model was freed meanwhile
    );
    return () => {
      current = false;
    };
  }, [model, text, count]);

  return suggestions;
}
