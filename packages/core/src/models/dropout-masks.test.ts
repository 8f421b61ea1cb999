import { expect, test } from 'vitest';
import { elementCount } from '../tensors/shapes.js';
import { dropoutMaskShapes, fillDropoutMasks } from './dropout-masks.js';
import { languageModelConfig } from './language-model-config.js';

const config = languageModelConfig({
  ...{ vocabSize: 40, embeddingDim: 6, hiddenDim: 8, layers: 2, dropout: 0.5 },
  ...{ variationalDropout: true, embeddingDropout: 0.5, weightDropout: 0.25 },
});
const time = 5;

/** The masks of some lanes of a batch of 4. A lane's ids do not depend on which lanes are asked for. */
function masksOf(from: number, to: number, step = 3) {
  const lanes = to - from;
  const shapes = dropoutMaskShapes(config, lanes, time);
  const masks = Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, new Float32Array(elementCount(shape))]),
  );
  const ids = Int32Array.from(
    { length: time * lanes },
    (_, k) => (7 * Math.floor(k / lanes) + 3 * (from + (k % lanes))) % 11,
  );
  fillDropoutMasks(config, masks, { ids, seed: 9, step, firstLane: from, lanes, time });
  return { masks, ids };
}

test('variational masks have one row for each lane, whatever the lanes of the worker', () => {
  const { masks } = masksOf(0, 4);
  expect(masks['dropout.1']).toHaveLength(4 * 8);
  expect(masksOf(2, 4).masks['dropout.1']).toEqual(masks['dropout.1']!.slice(2 * 8));
});

test('a dropped word is dropped wherever it occurs, and for every worker', () => {
  const byId = new Map<number, number>();
  for (const { masks, ids } of [masksOf(0, 2), masksOf(2, 4)]) {
    ids.forEach((id, k) => {
      expect(masks.tokenDropout![k]).toBe(byId.get(id) ?? masks.tokenDropout![k]);
      byId.set(id, masks.tokenDropout![k]!);
    });
  }
  expect(new Set(byId.values())).toEqual(new Set([0, 2]));
});

test('every worker drops the same recurrent weights, different ones for each layer and step', () => {
  const { masks } = masksOf(0, 2);
  expect(masksOf(2, 4).masks['weightDropout.0']).toEqual(masks['weightDropout.0']);
  expect(masks['weightDropout.1']).not.toEqual(masks['weightDropout.0']);
  expect(masksOf(0, 2, 4).masks['weightDropout.0']).not.toEqual(masks['weightDropout.0']);
  const dropped = masks['weightDropout.0']!.filter((value) => value === 0).length;
  expect(dropped / (8 * 32)).toBeCloseTo(0.25, 1);
});
