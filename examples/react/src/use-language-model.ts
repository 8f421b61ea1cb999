/** Loads a language model for as long as a component is mounted. */
import { type LanguageModel, loadLanguageModel } from '@unroll/edge-runtime';
import { useEffect, useState } from 'react';

export interface Loading {
  /** The model; undefined until it is loaded. */
  readonly model: LanguageModel | undefined;
  /** Downloaded part of the current file, from 0 to 1. */
  readonly progress: number;
  readonly error: Error | undefined;
}

/**
 * Loads the bundle at `address`. Frees it, or stops the download, when the component is unmounted or the address
 * changes.
 */
export function useLanguageModel(address: string): Loading {
  const [loading, setLoading] = useState<Loading>(nothing);

  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    setLoading(nothing);
    const loaded = loadLanguageModel(address, {
      signal,
      onProgress: ({ loadedBytes, totalBytes }) => setLoading({ ...nothing, progress: loadedBytes / totalBytes }),
    });
    loaded.then(
      (model) => !signal.aborted && setLoading({ model, progress: 1, error: undefined }),
      (error: Error) => !signal.aborted && setLoading({ ...nothing, error }),
    );
    return () => {
      controller.abort();
      loaded.then(
        (model) => model.dispose(),
        () => {}, // the error was reported above, or the loading aborted
      );
    };
  }, [address]);

  return loading;
}

const nothing: Loading = { model: undefined, progress: 0, error: undefined };
