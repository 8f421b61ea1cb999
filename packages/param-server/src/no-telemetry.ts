/**
 * ONNX Runtime for Node, from 1.30 on, counts its users: on its first session it gives the machine a number, keeps a database in the
 * home folder, and sends what it ran on to Microsoft. Unroll does not, so neither does what it runs; whoever wants it sets the
 * variable to something else beforehand.
 */
process.env.ORT_DISABLE_TELEMETRY ??= '1';
