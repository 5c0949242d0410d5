// CSV that a spreadsheet opens without running what others wrote into it.

import { asked } from "./bytes";

/** With these a text begins that a spreadsheet takes for a formula. */
const FORMULA = new Set([..."=+-@\t\r"].map((sign) => sign.charCodeAt(0)));
const [QUOTE, COMMA, LINE, APOSTROPHE] = [..."\",\n'"].map((sign) => sign.charCodeAt(0)) as [number, number, number, number];

/**
 * Puts an apostrophe before texts of a CSV that would be formulas, so that they are shown. It takes
 * CSV as the daemon makes it: with every text in quotes, and only texts. Numbers stay numbers.
 */
export function guarded(): TransformStream<Uint8Array, Uint8Array> {
  let at: "field" | "text begins" | "text" | "quote" | "plain" = "field";
  return new TransformStream({
    transform(bytes, out) {
      // At most one sign comes before each second one.
      const done = new Uint8Array(bytes.length * 2);
      let length = 0;
      for (const byte of bytes) {
        if (at === "text begins" && FORMULA.has(byte)) done[length++] = APOSTROPHE;
        done[length++] = byte;
        if (at === "text begins" || at === "text") at = byte === QUOTE ? "quote" : "text";
        else if (at === "quote" && byte === QUOTE) at = "text";
        else if (at === "field" && byte === QUOTE) at = "text begins";
        else at = byte === COMMA || byte === LINE ? "field" : "plain";
      }
      out.enqueue(done.subarray(0, length));
    },
  });
}

/** Saves the CSV at an address as a file for spreadsheets. */
export async function save(url: string, name: string): Promise<void> {
  const { body } = await asked(url);
  if (body === null) return;
  // The browser keeps what is large on the disk.
  const blob = await new Response(body.pipeThrough(guarded())).blob();
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([blob], { type: "text/csv" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
