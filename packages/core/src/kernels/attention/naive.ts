/**
 * The textbook loop of global attention, in float64, for one sentence and one query. Tests compare the fast version
 * with it.
 */
import { type Matrix, matVec, type Vector } from '../naive-linear-algebra.js';

/**
 * Attends with one query; softmax over the scores of all positions.
 * @param query [width]
 * @param memory the positions of the sentence without padding, [positions, memory]
 * @param kernel [width, memory]
 */
export function naiveAttention(
  query: Vector,
  memory: Matrix,
  kernel: Matrix,
): { context: number[]; weights: number[] } {
  const projected = matVec(query, kernel);
  const scores = memory.map((position) => position.reduce((sum, value, k) => sum + value * projected[k]!, 0));
  const exponentials = scores.map((score) => Math.exp(score));
  const total = exponentials.reduce((sum, value) => sum + value, 0);
  const weights = exponentials.map((value) => value / total);
  return { context: matVec(weights, memory), weights };
}
