// What is in the file of a notebook, which may be anything.

import type { Drawn } from "../render/talk";

/** A cell. */
export type Cell =
  | { kind: "markdown"; source: string }
  | { kind: "raw"; source: string }
  | { kind: "code"; source: string; count: number | undefined; outputs: Output[] };

/** What came out of a cell. */
export type Output =
  | { kind: "image"; media: string; base64: string; text: string }
  | { kind: "markdown"; text: string }
  | { kind: "text"; text: string; failed: boolean }
  | { kind: Drawn; text: string };

/** A notebook. */
export interface Notebook {
  language: string;
  cells: Cell[];
}

type Fields = Record<string, unknown>;

/** Reads a notebook of version 4; nothing where it is none. */
export function readNotebook(text: string): Notebook | undefined {
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { cells, metadata } = fields(file);
  if (!Array.isArray(cells)) return undefined;
  const language = fields(fields(metadata).language_info).name ?? fields(fields(metadata).kernelspec).language;
  return { language: typeof language === "string" ? language.toLowerCase() : "python", cells: cells.map(readCell) };
}

function readCell(cell: unknown): Cell {
  const { cell_type, source, outputs, execution_count } = fields(cell);
  if (cell_type === "markdown" || cell_type === "raw") return { kind: cell_type, source: joined(source) };
  return {
    kind: "code",
    source: joined(source),
    count: typeof execution_count === "number" ? execution_count : undefined,
    outputs: Array.isArray(outputs) ? outputs.flatMap(readOutput) : [],
  };
}

function readOutput(output: unknown): Output[] {
  const { output_type, data, text, traceback, ename, evalue } = fields(output);
  switch (output_type) {
    case "stream":
      return [{ kind: "text", text: bare(joined(text)), failed: false }];
    case "error": {
      const trace = joined(Array.isArray(traceback) ? traceback.join("\n") : traceback);
      return [{ kind: "text", text: bare(trace || `${String(ename)}: ${String(evalue)}`), failed: true }];
    }
    default:
      return richest(fields(data));
  }
}

const PICTURE = /^image\/(png|jpeg|gif|webp|svg\+xml)$/;
const FIGURES: [RegExp, Drawn][] = [
  [/^application\/vnd\.plotly(\.v\d+)?\+json$/, "plotly"],
  [/^application\/vnd\.vega(lite)?(\.v\d+)?\+json$/, "vega"],
];

/** Returns the form of an output that shows most. */
function richest(data: Fields): Output[] {
  const plain = joined(data["text/plain"]);
  for (const [form, draw] of FIGURES) {
    const media = Object.keys(data).find((media) => form.test(media));
    if (media !== undefined) return [{ kind: draw, text: JSON.stringify(data[media]) }];
  }
  const picture = Object.keys(data).find((media) => PICTURE.test(media));
  if (picture !== undefined) {
    const content = joined(data[picture]);
    const base64 = picture === "image/svg+xml" ? base64Of(content) : content.replace(/\s/g, "");
    return [{ kind: "image", media: picture, base64, text: plain }];
  }
  if ("text/html" in data) return [{ kind: "html", text: joined(data["text/html"]) }];
  if ("text/markdown" in data) return [{ kind: "markdown", text: joined(data["text/markdown"]) }];
  return plain === "" ? [] : [{ kind: "text", text: bare(plain), failed: false }];
}

function base64Of(text: string): string {
  return btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join(""));
}

/** Text that may come in lines. */
function joined(text: unknown): string {
  if (Array.isArray(text)) return text.filter((line) => typeof line === "string").join("");
  return typeof text === "string" ? text : "";
}

/** Text without the colours of a terminal. */
function bare(text: string): string {
  // oxlint-disable-next-line no-control-regex -- the escape is what is looked for
  return text.replace(/\u001b\[[0-9;]*[A-Za-z]/g, "");
}

function fields(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}
