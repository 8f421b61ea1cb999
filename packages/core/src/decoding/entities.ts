// Finds the entities that tags mark, in the notations IOB1 and IOB2: B-TYPE begins an entity, I-TYPE goes on with it,
// O stands outside. An I-TYPE that goes on with nothing begins an entity, as in `conlleval`, the evaluation of the
// CoNLL shared tasks. Any other tag, such as a part of speech, marks its word alone, as in `conlleval -r`.

export interface Entity {
  readonly type: string;
  /** Its first word. */
  readonly start: number;
  /** The word after its last. */
  readonly end: number;
}

/** Whether a tag is of the notation IOB. */
export function isIobTag(tag: string): boolean {
  return tag === 'O' || /^[BI]-./.test(tag);
}

/** Returns the entities of a sentence, in their order. */
export function entitiesOf(tags: readonly string[]): Entity[] {
  const entities: Entity[] = [];
  for (const [word, tag] of tags.entries()) {
    if (tag === 'O') continue;
    const type = isIobTag(tag) ? tag.slice(2) : tag;
    const last = entities.at(-1);
    const goesOn = tag === `I-${type}` && last?.end === word && last.type === type;
    if (goesOn) entities[entities.length - 1] = { ...last, end: word + 1 };
    else entities.push({ type, start: word, end: word + 1 });
  }
  return entities;
}
