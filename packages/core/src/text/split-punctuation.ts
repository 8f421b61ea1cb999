// Cuts text as people write it like the texts of lower-case corpora, for models whose tokens are words between white
// space.

/**
 * Converts text to lower case and puts spaces around punctuation, except apostrophes and hyphens within words. Text
 * already cut like this stays unchanged.
 * @example splitPunctuation("It's GOOD, really!") // "it's good , really !"
 */
export function splitPunctuation(text: string): string {
  return text
    .toLowerCase()
    .replace(/[\u2018\u2019]/g, "'")
    .replace(/[^\p{L}\p{N}\p{M}\s'-]+/gu, (marks) => ` ${marks} `)
    .replace(/\s+/g, ' ')
    .trim();
}
