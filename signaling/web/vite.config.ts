import { defineConfig } from 'vitest/config';

export default defineConfig({
  base: '/', // the page lives at / and at /r/ROOM
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
  build: {
    target: 'es2022',
    // The page is served with default-src 'self': nothing may become a data: URL or an inline script.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 300,
  },
  test: { environment: 'node', include: ['test/**/*.test.ts'], setupFiles: ['test/setup.js'] },
});
