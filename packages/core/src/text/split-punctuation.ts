// Text as people write it, cut as corpora of lower-case words are: for models whose tokens are words between white space.

/**
 * The text in lower case, with spaces around punctuation other than apostrophes and hyphens within words; text that was cut
 * so already stays as it is.
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
