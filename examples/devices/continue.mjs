// Continues a prompt on any device that runs Node, as continue.py does in Python.
//   node examples/devices/continue.mjs BUNDLE "the dogs that"
import { loadLanguageModel } from '@unroll/edge-runtime';

const [bundle, prompt] = process.argv.slice(2);
if (prompt === undefined) {
  console.error('usage: node continue.mjs BUNDLE PROMPT');
  process.exit(2);
}
// Ends if nobody reads on, as after `| head`, or the disk is full. Without this, Node would print a trace.
process.stdout.on('error', ({ code }) => process.exit(code === 'EPIPE' ? 141 : 1));
try {
  const model = await loadLanguageModel(bundle);
  process.stdout.write(prompt);
  for await (const { text } of model.generate(prompt, { maxTokens: 20, temperature: 0 })) process.stdout.write(text);
  console.log();
  await model.dispose();
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
