import { expect, test } from 'vitest';
import { StepPlan } from './step-plan.js';

const batchesBefore = (plan: StepPlan, steps: number) =>
  Array.from({ length: steps }, (_, step) => plan.batchesBefore(step));

test('a synchronous step takes one batch', () => {
  const plan = new StepPlan(3, { name: 'sync' });
  expect(plan.stepsPerEpoch).toBe(3);
  expect(batchesBefore(plan, 7)).toEqual([0, 1, 2, 3, 4, 5, 6]);
});

test('a round takes as many batches as there are local steps, the last of an epoch what is left', () => {
  const plan = new StepPlan(7, { name: 'local', localSteps: 3 });
  expect(plan.stepsPerEpoch).toBe(3);
  expect(batchesBefore(plan, 7)).toEqual([0, 3, 6, 7, 10, 13, 14]);
});

test('a round is not longer than an epoch', () => {
  expect(batchesBefore(new StepPlan(2, { name: 'local', localSteps: 50 }), 3)).toEqual([0, 2, 4]);
});
