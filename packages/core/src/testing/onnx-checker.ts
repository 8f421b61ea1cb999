/** For tests: ONNX's own checker, if a Python on this machine has the `onnx` package. */
import { execFileSync, spawnSync } from 'node:child_process';

const python = ['python3', '/usr/bin/python3'].find((name) => spawnSync(name, ['-c', 'import onnx']).status === 0);

/** Why the checker cannot run here; undefined if it can. */
export const onnxCheckerMissing = python ? undefined : 'no python3 here has the onnx package, whose checker this runs';

// Reads models, each after its length in 8 bytes. Strict shape inference compares the shapes that ONNX infers at every node
// with those that the file declares.
const script = `
import sys, onnx
while head := sys.stdin.buffer.read(8):
    model = onnx.load_model_from_string(sys.stdin.buffer.read(int.from_bytes(head, 'little')))
    try:
        onnx.checker.check_model(model, full_check=True)
        onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
    except Exception as error:
        sys.exit(f'{sys.argv.pop(1)}: {error}')
    sys.argv.pop(1)
`;

/**
 * Checks models in one process of Python, which takes longer to start than to check one.
 * @param models the files, by names for the message
 * @throws Error with the checker's own words if it rejects a model
 */
export function checkOnnx(models: Readonly<Record<string, Uint8Array>>): void {
  if (!python) throw new Error(onnxCheckerMissing);
  const input = Object.values(models).flatMap((model) => {
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(model.length));
    return [length, model];
  });
  execFileSync(python, ['-c', script, ...Object.keys(models)], {
    input: Buffer.concat(input),
    stdio: ['pipe', 'ignore', 'pipe'],
  });
}
