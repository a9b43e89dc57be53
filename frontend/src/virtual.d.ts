declare module "virtual:ort-wasm" {
  const url: string;
  export default url;
}
