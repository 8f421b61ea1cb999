// A `tokenizer.json` says more than a vocabulary. What is said and not followed would make other ids than the file's own
// library does: so every setting is followed, or refused by its name.

/** Whether a setting with this value, `undefined` if the file lacks it, is followed. */
export type Follows = (value: unknown) => boolean;

/** The settings of one object of the file, by name. All others are refused. */
export type FollowedSettings = Readonly<Record<string, Follows>>;

/** A setting that is read by whoever calls this, or does not change the ids. */
export const anything: Follows = () => true;

/** Values, compared as JSON. */
export function only(...values: readonly unknown[]): Follows {
  const allowed = new Set(values.map((value) => JSON.stringify(value)));
  return (value) => allowed.has(JSON.stringify(value));
}

/** A setting that does nothing: missing, null, false or an empty text. */
export const nothing: Follows = only(undefined, null, false, '');

/** An object with a `type` whose settings are followed. */
export function typed(type: string, settings: FollowedSettings = {}): Follows {
  return (value) =>
    isRecord(value) && value.type === type && unfollowed(value, { type: anything, ...settings }) === undefined;
}

/** Any of these. */
export function either(...choices: readonly Follows[]): Follows {
  return (value) => choices.some((follows) => follows(value));
}

/** The settings of an added token that is cut out of the text as it stands, whatever is beside it. */
export const addedToken: FollowedSettings = {
  id: Number.isSafeInteger,
  content: (value) => typeof value === 'string' && value !== '',
  single_word: nothing,
  lstrip: nothing,
  rstrip: nothing,
  normalized: anything,
  special: anything,
};

/**
 * Throws an Error that names the first setting of `part` that is not followed.
 *
 * @param path what its settings are called in the file begins with this, such as `model.`; empty for the file itself
 */
export function requireFollowed(
  part: Readonly<Record<string, unknown>>,
  path: string,
  settings: FollowedSettings,
): void {
  const name = unfollowed(part, settings);
  if (name === undefined) return;
  const value = JSON.stringify(part[name]) ?? 'missing';
  const shown = value.length > 100 ? `${value.slice(0, 100)}…` : value;
  throw new Error(
    `tokenizer.json: '${path}${name}' is ${shown}; this setting is not followed, so that ids would differ; use a tokenizer without it`,
  );
}

function unfollowed(part: Readonly<Record<string, unknown>>, settings: FollowedSettings): string | undefined {
  const names = new Set([...Object.keys(settings), ...Object.keys(part)]);
  return [...names].find((name) => {
    const follows = Object.hasOwn(settings, name) ? settings[name] : undefined;
    return follows === undefined || !follows(part[name]);
  });
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
