/** The name that stands for the embedded corpus where a path is expected. */
export const EMBEDDED_CORPUS = 'grammar';
