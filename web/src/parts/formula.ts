import katex from "katex";

/** Sets a formula of TeX as MathML, which browsers draw themselves and readers of screens read. */
export function set(tex: string, block: boolean): string {
  const html = katex.renderToString(tex, {
    output: "mathml",
    displayMode: block,
    throwOnError: false,
    strict: "ignore",
    trust: false,
    maxExpand: 500,
    maxSize: 20,
  });
  // The formula once more as TeX, for who copies it.
  return html.replace(/<annotation[^>]*>[^<]*<\/annotation>/g, "");
}
