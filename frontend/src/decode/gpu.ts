/** The runtime for WebGPU, which is fetched only where it may pay. */

import * as ort from "onnxruntime-web/jspi";
import runtime from "virtual:ort-webgpu";
import type { Open } from "./messages";
import { Runner, unpacked } from "./runner";

interface Adapter {
  info: { isFallbackAdapter?: boolean };
}

/** What kind of graphics there is: none, made by the processor, or real ones. */
export async function graphics(): Promise<"none" | "software" | "hardware"> {
  const { gpu } = navigator as { gpu?: { requestAdapter(): Promise<Adapter | null> } };
  const adapter = "Suspending" in WebAssembly ? await gpu?.requestAdapter().catch(() => null) : null;
  if (!adapter) return "none";
  return adapter.info.isFallbackAdapter ? "software" : "hardware";
}

export async function openOnGpu(request: Open): Promise<Runner> {
  return Runner.open(ort as never, await unpacked(runtime), "webgpu", request);
}
