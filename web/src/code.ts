// Whether a figure brings code of its author.

/**
 * Tells whether a document of Bokeh brings code. JSON can write the same word in several ways, so
 * what is looked at is what it means; what is no JSON is no figure, and counts as code.
 */
export function bringsCode(bytes: ArrayBuffer): boolean {
  try {
    return JSON.stringify(JSON.parse(new TextDecoder().decode(bytes))).includes('"CustomJS"');
  } catch {
    return true;
  }
}
