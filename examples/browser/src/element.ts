/** Finds the elements of index.html, by id and kind. */

/**
 * The element with this id.
 * @throws Error if the page has none, or one of another kind
 */
export function element<T extends HTMLElement>(id: string, kind: abstract new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`index.html has no ${kind.name} with id '${id}'`);
  return found;
}
