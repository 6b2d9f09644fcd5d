import { svelte } from '@sveltejs/vite-plugin-svelte';
import { svelteTesting } from '@testing-library/svelte/vite';
import { defineConfig } from 'vitest/config';
import { katexWoff2 } from './build/katexWoff2.ts';
import { precompress } from './build/precompress.ts';

/** Where `npm run dev` finds a running hub. */
const hub = process.env.DREAMSEED_URL ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [katexWoff2(), svelte(), svelteTesting(), precompress()],
  build: {
    target: 'es2022',
    // Nothing is inlined as data: the policy of the page allows fonts and scripts from the hub only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 700,
  },
  server: { proxy: { '/api': { target: hub, changeOrigin: true } } },
  test: {
    environment: 'happy-dom',
    include: ['src/**/*.test.ts'],
    css: false,
    setupFiles: ['src/testSetup.ts'],
  },
});
