import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, type Plugin } from "vite";

const WASM = "virtual:ort-wasm";
const dist = dirname(createRequire(import.meta.url).resolve("onnxruntime-web/wasm"));

/** The runtime's WebAssembly as one gzipped file with a hashed name, in place of the plain one of four times the size. */
function compressedRuntime(): Plugin {
  return {
    name: "compressed-runtime",
    resolveId: (id) => (id === WASM ? `\0${WASM}` : undefined),
    load(id) {
      if (id !== `\0${WASM}`) return undefined;
      const source = gzipSync(readFileSync(join(dist, "ort-wasm-simd-threaded.wasm")), { level: 9 });
      const file = this.emitFile({ type: "asset", name: "ort.wasm.gz", source });
      return `export default import.meta.ROLLUP_FILE_URL_${file};`;
    },
    transform(code, id) {
      if (!/onnxruntime-web.*\.mjs/.test(id)) return undefined;
      // the bytes are handed over, so nothing is ever fetched from here
      return code.replaceAll('new URL("ort-wasm-simd-threaded.wasm",import.meta.url)', 'new URL("about:blank")');
    },
  };
}

export default defineConfig({
  base: "./",
  plugins: [svelte(), compressedRuntime()],
  worker: { format: "es", plugins: () => [compressedRuntime()] },
  build: {
    outDir: "../src/latentarium/explorer/static",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
});
