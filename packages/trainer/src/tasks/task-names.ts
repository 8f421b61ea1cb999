/** The applications: the values of `--task`. */
export const taskNames = ['sentiment', 'tagging', 'translation', 'speech', 'forecast', 'anomaly'] as const;

export type TaskName = (typeof taskNames)[number];
