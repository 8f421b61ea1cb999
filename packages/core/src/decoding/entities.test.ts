import { describe, expect, test } from 'vitest';
import { entitiesOf } from './entities.js';

const marked = (tags: string) => entitiesOf(tags.split(' ')).map(({ type, start, end }) => `${type} ${start}-${end}`);

describe('the entities of tags', () => {
  test.each([
    ['O O', []],
    ['B-PER', ['PER 0-1']],
    ['O B-PER I-PER O B-LOC', ['PER 1-3', 'LOC 4-5']],
    ['B-LOC B-LOC I-LOC', ['LOC 0-1', 'LOC 1-3']],
    // IOB1 begins an entity by I, and by B only after one of its type.
    ['I-ORG I-ORG O I-ORG B-ORG', ['ORG 0-2', 'ORG 3-4', 'ORG 4-5']],
    ['B-PER I-LOC I-LOC', ['PER 0-1', 'LOC 1-3']],
    // Tags without a place, such as parts of speech, mark each word, as `conlleval -r` counts them.
    ['DET NOUN NOUN O', ['DET 0-1', 'NOUN 1-2', 'NOUN 2-3']],
    ['B-I-A I-I-A', ['I-A 0-2']],
  ])('%s are %j', (tags, expected) => {
    expect(marked(tags)).toEqual(expected);
  });
});
