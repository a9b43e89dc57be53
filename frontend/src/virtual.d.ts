declare module "virtual:ort-webgpu" {
  const url: string;
  export default url;
}
declare module "virtual:ort-wasm" {
  const url: string;
  export default url;
}
