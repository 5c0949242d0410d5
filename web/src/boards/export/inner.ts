// Attachments that are several things at once, as they go into a file: notebooks and models.

import { plain, size } from "../../format";
import type { FileInfo } from "../../api/schema";
import { Pieces, partOf } from "../../parts/bytes";
import { htmlOf } from "../../parts/markdown";
import { type Output, readNotebook } from "../../parts/notebook-file";
import { readModel, type Value } from "../../parts/onnx";
import { numbersOf, readTensors } from "../../parts/tensors";
import type { Inner } from "./collect";

/** Cells of a notebook that go into a file. */
const CELLS = 500;
/** Tensors that are listed. */
const TENSORS = 500;

/**
 * Returns what is in a notebook; nothing where it is none.
 *
 * @param frame the reference of the frame that its pictures are in
 * @param scripts whether pages that came out of it may run scripts
 */
export async function notebook(text: string, frame: string | undefined, scripts: boolean): Promise<Inner[] | undefined> {
  const read = readNotebook(text);
  if (read === undefined) return undefined;
  const parts: Inner[] = [];
  for (const cell of read.cells.slice(0, CELLS)) {
    if (cell.kind === "markdown") parts.push({ kind: "html", html: await htmlOf(cell.source, frame) });
    else parts.push({ kind: "text", text: cell.source, cut: false });
    if (cell.kind !== "code") continue;
    for (const output of cell.outputs) parts.push(await came(output, scripts));
  }
  const more = read.cells.length - CELLS;
  return more > 0 ? [...parts, { kind: "none", why: `${more} more cells are in the file.` }] : parts;
}

async function came(output: Output, scripts: boolean): Promise<Inner> {
  switch (output.kind) {
    case "image": {
      const bytes = Uint8Array.from(atob(output.base64), (mark) => mark.charCodeAt(0)).buffer;
      return { kind: "picture", media: output.media, bytes, alt: output.text || "A picture that came out" };
    }
    case "markdown":
      return { kind: "html", html: await htmlOf(output.text, undefined) };
    case "text":
      return { kind: "text", text: output.text, cut: false };
    case "html":
      return { kind: "page", html: output.text, scripts };
    default:
      return { kind: "figure", draw: output.kind, bytes: new TextEncoder().encode(output.text).buffer as ArrayBuffer, code: false };
  }
}

/** Returns what can be said of a model without opening it, as its page says it. */
export async function model(kind: "onnx" | "safetensors", file: FileInfo, reference: string): Promise<Inner[]> {
  if (kind === "safetensors") {
    const { tensors, about } = await readTensors((at, length) => partOf(reference, at, length), file.size);
    const numbers = tensors.reduce((sum, tensor) => sum + numbersOf(tensor), 0);
    const listed = tensors.slice(0, TENSORS);
    return [
      facts([["Format", "safetensors"], ["Tensors", String(tensors.length)], ["Numbers", numbers.toLocaleString("en")], ["Size", size(file.size)], ...about.slice(0, 20)]),
      table(["Tensor", "Type", "Shape"], listed.map((one) => [one.name, one.type, one.shape.join(" × ") || "one"]), tensors.length),
    ];
  }
  const pieces = new Pieces(reference, file.size);
  const read = await readModel((at, length) => pieces.read(at, length), file.size);
  const rows = (values: Value[]) => values.map((one) => [one.name, one.type, one.shape.join(" × ") || "one"]);
  return [
    facts([["Format", `ONNX, version ${read.ir}`], ["Graph", read.name], ["Made with", read.producer.trim()], ["Weights", read.weights.toLocaleString("en")], ["Size", size(file.size)], ...read.about.slice(0, 20)]),
    table(["Takes", "Type", "Shape"], rows(read.inputs)),
    table(["Gives", "Type", "Shape"], rows(read.outputs)),
    table(["Made of", "How often"], read.nodes.map(([name, times]) => [name, String(times)])),
  ];
}

function facts(all: readonly (readonly [string, string])[]): Inner {
  return table(["What is known of it", ""], all.filter(([, value]) => value !== "").map(([name, value]) => [name, value.slice(0, 500)]));
}

function table(columns: string[], rows: string[][], total = rows.length): Inner {
  return { kind: "table", columns: columns.map((name) => ({ name, right: false })), rows: rows.map((row) => row.map(plain)), total };
}
