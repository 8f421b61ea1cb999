// Checks the settings of a `tokenizer.json`. Ignoring one would give other ids than the file's own library gives. So
// every setting is either followed, or refused by name.
import { isRecord } from '../checks/is-record.js';

/** Whether this project follows a setting with this value; the value is `undefined` if the file lacks it. */
export type Follows = (value: unknown) => boolean;

/** The settings of one object of the file, by name. All others are refused. */
export type FollowedSettings = Readonly<Record<string, Follows>>;

/** Accepts a setting that the caller reads, or that does not change the ids. */
export const anything: Follows = () => true;

/** Accepts these values, compared as JSON. */
export function only(...values: readonly unknown[]): Follows {
  const allowed = new Set(values.map((value) => JSON.stringify(value)));
  return (value) => allowed.has(JSON.stringify(value));
}

/** Accepts a setting without effect: missing, null, false or an empty text. */
export const nothing: Follows = only(undefined, null, false, '');

/** Accepts an object with this `type` if all its settings are followed. */
export function typed(type: string, settings: FollowedSettings = {}): Follows {
  return (value) =>
    isRecord(value) && value.type === type && unfollowed(value, { type: anything, ...settings }) === undefined;
}

/** Accepts a setting that any of these choices accepts. */
export function either(...choices: readonly Follows[]): Follows {
  return (value) => choices.some((follows) => follows(value));
}

/** The settings of an added token that is matched literally, whatever stands beside it. */
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
 * Checks that all settings of `part` are followed.
 *
 * @param path prefix of the settings' names in the message, such as `model.`; empty for the file itself
 * @throws Error naming the first setting that is not followed
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
