/**
 * Turns off the telemetry of ONNX Runtime for Node. From version 1.30 on, its first session gives the machine a number,
 * keeps a database in the home folder, and sends system details to Microsoft. Unroll sends nothing, so neither may what
 * it runs. To allow it, set the variable to another value beforehand.
 */
process.env.ORT_DISABLE_TELEMETRY ??= '1';
