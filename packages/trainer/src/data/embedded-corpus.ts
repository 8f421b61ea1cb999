/** The name of the embedded corpus, accepted where a path is expected. */
export const EMBEDDED_CORPUS = 'grammar';
