/** The applications: the values of `--task`. */
export const taskNames = ['sentiment', 'translation', 'speech', 'forecast', 'anomaly'] as const;

export type TaskName = (typeof taskNames)[number];
