/** The frameworks whose models are read. */
export const sources = ['pytorch', 'keras', 'tfjs'] as const;

export type ImportSource = (typeof sources)[number];
