import { nearest, type Near, type Packed } from "./search";

export interface Question {
  ticket: number;
  points: Float32Array[];
  count: number;
  limit: number;
}

let packed: Packed;

self.onmessage = ({ data }: MessageEvent<Packed | Question>) => {
  if ("codes" in data) packed = data;
  else {
    const found: Near[] = data.points.map((z) => nearest(packed, z, data.count, data.limit));
    self.postMessage({ ticket: data.ticket, found });
  }
};
