import { defaultClientConditions, defineConfig } from 'vite';

// Vite builds the page from the packages' sources (`@unroll/source`), so no package needs to be built first. `base` is
// relative, so that the built folder can be anywhere on a server.
export default defineConfig({
  root: import.meta.dirname,
  base: './',
  resolve: { conditions: ['@unroll/source', ...defaultClientConditions] },
  build: { target: 'es2022' },
});
