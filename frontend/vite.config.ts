import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, type Plugin } from "vite";

/** Builds of the runtime's WebAssembly, by the module that names them. */
const BUILDS: Record<string, { wasm: string; name: string }> = {
  "virtual:ort-wasm": { wasm: "ort-wasm-simd-threaded.wasm", name: "ort.wasm.gz" },
  "virtual:ort-webgpu": { wasm: "ort-wasm-simd-threaded.jspi.wasm", name: "ort-webgpu.wasm.gz" },
};
const dist = dirname(createRequire(import.meta.url).resolve("onnxruntime-web/wasm"));

/** The runtime's WebAssembly as gzipped files with hashed names, in place of plain ones of four times the size. */
function compressedRuntime(): Plugin {
  return {
    name: "compressed-runtime",
    resolveId: (id) => (id in BUILDS ? `\0${id}` : undefined),
    load(id) {
      const build = BUILDS[id.slice(1)];
      if (!id.startsWith("\0") || !build) return undefined;
      const source = gzipSync(readFileSync(join(dist, build.wasm)), { level: 9 });
      const file = this.emitFile({ type: "asset", name: build.name, source });
      return `export default import.meta.ROLLUP_FILE_URL_${file};`;
    },
    transform(code, id) {
      if (!/onnxruntime-web.*\.mjs/.test(id)) return undefined;
      // the bytes are handed over, so nothing is ever fetched from here
      return code.replaceAll(/new URL\("ort-wasm-simd-threaded\.(jspi\.)?wasm",import\.meta\.url\)/g, 'new URL("about:blank")');
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
