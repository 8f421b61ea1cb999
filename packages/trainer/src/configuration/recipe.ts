/** How a model is trained, whatever it is: batches, optimizer, schedule, and how workers share the work. */
import { z } from 'zod';
import { schemasOf } from './hyperparameters.js';

/** The schemas of a recipe's fields. */
export const recipeFields = schemasOf(z, 'recipe');

export const recipeSchema = z.strictObject(recipeFields);

export type TrainingRecipe = z.infer<typeof recipeSchema>;
