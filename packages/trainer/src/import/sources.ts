/** The frameworks whose models can be imported. */
export const sources = ['pytorch', 'keras', 'tfjs'] as const;

export type ImportSource = (typeof sources)[number];
