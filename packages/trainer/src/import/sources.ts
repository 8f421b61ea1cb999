/** The frameworks whose models can be imported. */
export const sources = ['pytorch', 'keras', 'tfjs', 'rwkv', 'bilm', 'ml5'] as const;

export type ImportSource = (typeof sources)[number];

/** Sources whose models are read together with a vocabulary that the user gives. */
export type VocabularySource = Exclude<ImportSource, 'bilm' | 'ml5'>;
