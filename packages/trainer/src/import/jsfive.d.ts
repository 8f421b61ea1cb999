// The part of jsfive that is used here; the package has no types.
declare module 'jsfive' {
  export class Group {
    readonly keys: string[];
    readonly attrs: Readonly<Record<string, unknown>>;
    /** Throws a string if there is no such path. */
    get(path: string): Group | Dataset | null;
  }

  export class Dataset {
    readonly attrs: Readonly<Record<string, unknown>>;
    readonly shape: number[];
    /** The format, such as `<f4`. */
    readonly dtype: unknown;
    readonly value: unknown;
  }

  export class File extends Group {
    constructor(bytes: ArrayBuffer, name: string);
  }
}
