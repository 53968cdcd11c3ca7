// A PDF of pictures, one a page (ISO 32000-1): the canvas draws, JPEG goes in as it is. So letters of every script look as on the
// board without fonts in the file. Each page is tagged as a figure with its words (14.7, 14.9.3), which screen readers read. Pure.

export interface PdfPicture {
  jpeg: Uint8Array;
  /** Pixels. */
  width: number;
  height: number;
  /** Of the page, points of 1/72 inch. */
  pageWidth: number;
  pageHeight: number;
  /** What is read to those who can't see it. */
  alt: string;
}

/** Letters of a page's words at most: readers of PDF take strings of 32 KiB. */
const MOST_ALT = 8000;

/** A text in a file: UTF-16 with its mark (7.9.2.2), in hexadecimal letters, which need no escaping. */
export function pdfText(text: string): string {
  const units = Array.from({ length: text.length }, (_, i) => text.charCodeAt(i).toString(16).padStart(4, "0"));
  return `<feff${units.join("")}>`;
}

/** The file; at least one page. `language`: of its words, as in HTML. */
export function pdfOf(pictures: readonly PdfPicture[], title: string, language: string): Uint8Array<ArrayBuffer> {
  const chunks: Uint8Array[] = [];
  const offsets: number[] = [];
  let length = 0;
  const put = (part: string | Uint8Array) => {
    const bytes = typeof part === "string" ? Uint8Array.from(part, (c) => c.charCodeAt(0)) : part;
    chunks.push(bytes);
    length += bytes.length;
  };
  const object = (number: number, ...parts: (string | Uint8Array)[]) => {
    offsets[number] = length;
    put(`${number} 0 obj\n`);
    parts.forEach(put);
    put("\nendobj\n");
  };
  put("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n");
  // 1 catalogue, 2 pages, 3 what it is called, 4 root of the structure, 5 the document in it; then four of each page.
  const pageOf = (i: number) => 6 + i * 4;
  const figures = pictures.map((_, i) => `${pageOf(i) + 3} 0 R`);
  object(1, `<< /Type /Catalog /Pages 2 0 R /MarkInfo << /Marked true >> /StructTreeRoot 4 0 R /Lang (${language}) /ViewerPreferences << /DisplayDocTitle true >> >>`);
  object(2, `<< /Type /Pages /Count ${pictures.length} /Kids [${pictures.map((_, i) => `${pageOf(i)} 0 R`).join(" ")}] >>`);
  object(3, `<< /Title ${pdfText(title)} >>`);
  object(4, `<< /Type /StructTreeRoot /K [5 0 R] /ParentTree << /Nums [${figures.map((figure, i) => `${i} [${figure}]`).join(" ")}] >> /ParentTreeNextKey ${figures.length} >>`);
  object(5, `<< /Type /StructElem /S /Document /P 4 0 R /K [${figures.join(" ")}] >>`);
  pictures.forEach(({ jpeg, width, height, pageWidth, pageHeight, alt }, i) => {
    const page = pageOf(i);
    const [w, h] = [pageWidth.toFixed(2), pageHeight.toFixed(2)];
    const content = `/Figure << /MCID 0 >> BDC q ${w} 0 0 ${h} 0 0 cm /P Do Q EMC`;
    object(page, `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 ${w} ${h}] /Resources << /XObject << /P ${page + 1} 0 R >> >> /Contents ${page + 2} 0 R /StructParents ${i} /Tabs /S >>`);
    object(page + 1, `<< /Type /XObject /Subtype /Image /Width ${width} /Height ${height} /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /DCTDecode /Length ${jpeg.length} >>\nstream\n`, jpeg, "\nendstream");
    object(page + 2, `<< /Length ${content.length} >>\nstream\n${content}\nendstream`);
    object(page + 3, `<< /Type /StructElem /S /Figure /P 5 0 R /Pg ${page} 0 R /K 0 /Alt ${pdfText(alt.slice(0, MOST_ALT))} /A << /O /Layout /BBox [0 0 ${w} ${h}] /Placement /Block >> >>`);
  });
  const table = length;
  put(`xref\n0 ${offsets.length}\n0000000000 65535 f \n${offsets.slice(1).map((at) => `${String(at).padStart(10, "0")} 00000 n \n`).join("")}`);
  put(`trailer\n<< /Size ${offsets.length} /Root 1 0 R /Info 3 0 R >>\nstartxref\n${table}\n%%EOF\n`);
  const file = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    file.set(chunk, at);
    at += chunk.length;
  }
  return file;
}

/** Pixels a picture of this box may have: twice its size on screen, at most 4096 a side. */
export function pixelsOf(width: number, height: number): number {
  return Math.min(2, 4096 / Math.max(width, height, 1));
}
