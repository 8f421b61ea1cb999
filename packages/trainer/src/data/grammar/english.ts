// The grammar of the embedded corpus: small English sentences in which a model must carry something over a distance. A
// verb agrees in number with its subject, and a relative clause or a place may separate the two. A pronoun agrees in
// gender with a name earlier in the sentence. Every sentence has exactly one derivation. A place belongs to the noun
// before it or to a verb without object; a relative clause ends its noun phrase; no noun, verb or adjective has a
// second category.

import { defineGrammar, type Features, type Grammar, type GrammarRules } from './grammar.js';

const FEATURES: Features = { number: ['singular', 'plural'], gender: ['feminine', 'masculine'] };

const SENTENCES: GrammarRules = {
  Sentence: {
    'Clause .': 5,
    'Report.feminine .': 2,
    'Report.masculine .': 2,
    'Reason.feminine .': 2,
    'Reason.masculine .': 2,
    'Reflection.feminine .': 1,
    'Reflection.masculine .': 1,
  },
  // "the dogs that see the old cat sleep"
  Clause: { 'Subject.singular VerbPhrase.singular': 6, 'Subject.plural VerbPhrase.plural': 4 },
  // "anna says that the wolves near the river follow her"
  'Report.{gender}': {
    'Name.{gender} ReportVerb that Subject.singular Transitive.singular Object.{gender}': 6,
    'Name.{gender} ReportVerb that Subject.plural Transitive.plural Object.{gender}': 4,
  },
  // "peter avoids the wolves near the river because he is afraid"
  'Reason.{gender}': { 'Name.{gender} Transitive.singular Noun because Pronoun.{gender} Feeling': 1 },
  // "clara , who knows the farmers , trusts herself"
  'Reflection.{gender}': { 'Name.{gender} , who Transitive.singular Noun , Reflexive Self.{gender}': 1 },

  'Subject.{number}': {
    'Simple.{number}': 11,
    'Simple.{number} Place': 4,
    'Simple.{number} that Transitive.{number} Noun': 3,
    'Simple.{number} that Simple.singular Transitive.singular': 1,
    'Simple.{number} that Simple.plural Transitive.plural': 1,
  },
  'VerbPhrase.{number}': {
    'Intransitive.{number}': 3,
    'Intransitive.{number} Place': 3,
    'Transitive.{number} Noun': 4,
  },
  // An object of either number, seldom with a relative clause of its own.
  Noun: {
    'Simple.singular': 12,
    'Simple.plural': 8,
    'Simple.singular Place': 3,
    'Simple.plural Place': 2,
    'Simple.singular that Intransitive.singular': 1,
    'Simple.plural that Intransitive.plural': 1,
    'Simple.singular that Transitive.singular Noun': 1,
    'Simple.plural that Transitive.plural Noun': 1,
  },
  'Simple.{number}': { 'Article.{number} Being.{number}': 3, 'Article.{number} Adjective Being.{number}': 1 },
  Place: { 'Preposition the Site': 1 },
};

const WORDS: GrammarRules = {
  'Article.singular': { the: 6, a: 4, every: 2 },
  'Article.plural': { the: 6, some: 3, many: 2, two: 2 },
  Adjective: { old: 6, young: 5, hungry: 4, clever: 4, quiet: 3, brave: 3 },
  'Being.singular': {
    dog: 10,
    cat: 9,
    farmer: 8,
    child: 7,
    wolf: 7,
    bird: 6,
    teacher: 6,
    horse: 5,
    sailor: 5,
    king: 4,
    fox: 4,
    doctor: 4,
  },
  'Being.plural': {
    dogs: 10,
    cats: 9,
    farmers: 8,
    children: 7,
    wolves: 7,
    birds: 6,
    teachers: 6,
    horses: 5,
    sailors: 5,
    kings: 4,
    foxes: 4,
    doctors: 4,
  },
  Site: { river: 6, house: 6, garden: 5, hills: 5, forest: 4, houses: 4, bridge: 4, trees: 3, market: 3, gates: 3 },
  Preposition: { near: 6, behind: 5, by: 4, in: 3, beyond: 3 },
  'Transitive.singular': { sees: 7, follows: 6, likes: 6, fears: 5, hears: 4, helps: 4, knows: 3, avoids: 3 },
  'Transitive.plural': { see: 7, follow: 6, like: 6, fear: 5, hear: 4, help: 4, know: 3, avoid: 3 },
  'Intransitive.singular': { sleeps: 6, sings: 5, waits: 4, runs: 4, works: 3, dances: 3 },
  'Intransitive.plural': { sleep: 6, sing: 5, wait: 4, run: 4, work: 3, dance: 3 },
  'Name.feminine': { anna: 6, mary: 5, clara: 4, emma: 4, julia: 3 },
  'Name.masculine': { john: 6, peter: 5, paul: 4, thomas: 4, martin: 3 },
  ReportVerb: { says: 5, thinks: 4, hopes: 3, believes: 3 },
  Feeling: { 'is afraid': 4, 'is lonely': 3, 'needs help': 2, 'feels tired': 2 },
  Reflexive: { trusts: 4, blames: 3, admires: 2, teaches: 1 },
  'Pronoun.feminine': { she: 1 },
  'Pronoun.masculine': { he: 1 },
  'Object.feminine': { her: 1 },
  'Object.masculine': { him: 1 },
  'Self.feminine': { herself: 1 },
  'Self.masculine': { himself: 1 },
};

/** The grammar of the embedded corpus. */
export const ENGLISH: Grammar = defineGrammar('Sentence', FEATURES, { ...SENTENCES, ...WORDS });
