/** For tests: ONNX's own checker, if a Python on this machine has the `onnx` package. */
import { execFileSync, spawnSync } from 'node:child_process';

const python = ['python3', '/usr/bin/python3'].find((name) => spawnSync(name, ['-c', 'import onnx']).status === 0);

/** Why the checker cannot run here; undefined if it can. */
export const onnxCheckerMissing = python ? undefined : 'no python3 here has the onnx package, whose checker this runs';

// Strict shape inference compares the shapes that ONNX infers at every node with those that the file declares.
const script = `
import sys, onnx
model = onnx.load_model_from_string(sys.stdin.buffer.read())
onnx.checker.check_model(model, full_check=True)
onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
`;

/**
 * Checks a model.
 * @throws Error with the checker's own words if it rejects the model
 */
export function checkOnnx(model: Uint8Array): void {
  if (!python) throw new Error(onnxCheckerMissing);
  execFileSync(python, ['-c', script], { input: model, stdio: ['pipe', 'ignore', 'pipe'] });
}
