// What vite.config.ts tells, and the types of pdf.js for its build for older browsers, which has none of its own.
declare module "pdfjs-dist/legacy/build/pdf.min.mjs" {
  export * from "pdfjs-dist";
}
/** Of the parts that vite.config.ts puts beside the page. */
declare const __PDFJS_VERSION__: string;
