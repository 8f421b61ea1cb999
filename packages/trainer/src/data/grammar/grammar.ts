// Probabilistic context-free grammars: their form, and how to write one down. entropy.ts measures them, sentences.ts
// draws from them, parsing.ts parses with them; english.ts is the embedded corpus's.

/** One way to rewrite a symbol. */
export interface Production {
  readonly probability: number;
  /** The symbols of the grammar and words that replace the symbol. */
  readonly symbols: readonly string[];
}

/** A grammar without left recursion. Every symbol has productions; every other string is a word. */
export interface Grammar {
  readonly start: string;
  /** The productions of each symbol; their probabilities sum to 1. */
  readonly productions: ReadonlyMap<string, readonly Production[]>;
}

/**
 * The notation of a grammar: symbol → right-hand sides, separated by spaces, with weights that need not sum to 1. A
 * feature such as `{number}` stands for each of its values in turn, the same value throughout a rule. So
 * `'NounPhrase.{number}': { 'Determiner.{number} Noun.{number}': 1 }` is two rules.
 */
export type GrammarRules = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** The values of each feature, such as `{ number: ['singular', 'plural'] }`. */
export type Features = Readonly<Record<string, readonly string[]>>;

/** Builds the grammar from its rules. */
export function defineGrammar(start: string, features: Features, rules: GrammarRules): Grammar {
  const productions = new Map<string, readonly Production[]>();
  for (const [left, weights] of Object.entries(rules)) {
    for (const bind of bindings(left, features)) {
      const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0);
      const alternatives = Object.entries(weights).map(([right, weight]) => ({
        probability: weight / total,
        symbols: bind(right).split(' '),
      }));
      productions.set(bind(left), alternatives);
    }
  }
  return { start, productions };
}

/** Returns one substitution for each combination of values of the features in `text`. */
function bindings(text: string, features: Features): ((text: string) => string)[] {
  return Object.entries(features)
    .filter(([feature]) => text.includes(`{${feature}}`))
    .reduce<((text: string) => string)[]>(
      (substitutions, [feature, values]) =>
        substitutions.flatMap((substitute) =>
          values.map((value) => (other: string) => substitute(other).replaceAll(`{${feature}}`, value)),
        ),
      [(other) => other],
    );
}
