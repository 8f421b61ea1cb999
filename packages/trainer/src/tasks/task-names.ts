/** The applications, as `--task` names them. */
export const taskNames = ['sentiment', 'translation', 'speech', 'forecast', 'anomaly'] as const;

export type TaskName = (typeof taskNames)[number];
