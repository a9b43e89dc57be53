import { overlaps, type Pairs } from "./overlap";

self.onmessage = ({ data }: MessageEvent<Pairs>) => self.postMessage(overlaps(data));
