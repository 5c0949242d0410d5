// What of a dashboard goes into a file: each card as it is shown now, with its bytes.

import { answer, api } from "../../api/client";
import type { FileInfo, LogEntry, TableValue } from "../../api/schema";
import { bringsCode } from "../../code";
import { plain, size } from "../../format";
import { bytesOf, partOf } from "../../parts/bytes";
import { type Kind, kindOf } from "../../parts/kinds";
import { htmlOf } from "../../parts/markdown";
import type { Drawn } from "../../render/talk";
import { mayRun } from "../../trust";
import type { Shown } from "../choose";
import { type Found, referenceIn } from "../frames";
import type { Card } from "../model";
import { model, notebook } from "./inner";

/** A card and what it shows. */
export interface DrawnCard {
  card: Card;
  found: Found | undefined;
  shown: Shown<FileInfo> | undefined;
  history: readonly LogEntry[];
}

/** What of a card goes into the file. */
export type Part =
  | { kind: "divider" }
  /** What is several things, below each other. */
  | { kind: "parts"; parts: Inner[] }
  | Inner;

/** One thing that goes into the file. */
export type Inner =
  /** Elements that were made harmless. */
  | { kind: "html"; html: string }
  | { kind: "metric"; value: number; before: number | undefined }
  | { kind: "picture"; media: string; bytes: ArrayBuffer; alt: string }
  | { kind: "table"; columns: { name: string; right: boolean }[]; rows: string[][]; total: number }
  | { kind: "text"; text: string; cut: boolean }
  | { kind: "figure"; draw: Drawn; bytes: ArrayBuffer; code: boolean }
  | { kind: "page"; html: string; scripts: boolean }
  | { kind: "media"; as: "audio" | "video"; media: string; bytes: ArrayBuffer }
  /** A file that no page shows by itself; it is in there to be saved. */
  | { kind: "file"; name: string; media: string; bytes: ArrayBuffer }
  /** Why there is nothing. */
  | { kind: "none"; why: string };

/** A card as it goes into the file. */
export interface Piece {
  card: Card;
  title: string;
  /** When its frame was made, RFC 3339. */
  time: string | undefined;
  part: Part;
}

/** Returns all single things of a part. */
export function innerOf(part: Part): Inner[] {
  return part.kind === "divider" ? [] : part.kind === "parts" ? part.parts : [part];
}

/** Rows of a table that go into a file. */
export const ROWS = 1000;
/** Bytes of a text that do. */
const TEXT = 1_000_000;
/** Largest attachment that does, in bytes. */
const LARGEST = 50_000_000;

const FIGURES: Partial<Record<Kind, Drawn>> = { plotly: "plotly", vega: "vega", bokeh: "bokeh" };

/** Returns all cards of a dashboard with their bytes. */
export function collect(cards: readonly DrawnCard[]): Promise<Piece[]> {
  return Promise.all(
    cards.map(async (drawn): Promise<Piece> => {
      const { card, found } = drawn;
      const frame = found && "frame" in found ? found.frame : undefined;
      const title = card.title || frame?.stack.name || card.stack?.name || "";
      const part = await partOfCard(drawn).catch((error: Error): Part => ({ kind: "none", why: error.message }));
      return { card, title, time: card.kind === "stack" ? frame?.time : undefined, part };
    }),
  );
}

async function partOfCard({ card, found, shown, history }: DrawnCard): Promise<Part> {
  if (card.kind === "divider") return { kind: "divider" };
  if (card.kind === "text") return { kind: "html", html: await htmlOf(card.text, undefined) };
  if (found === undefined || "error" in found) return { kind: "none", why: "The stack could not be shown." };
  const { frame } = found;
  if (card.kind === "metric") {
    const value = (frame.metrics as Record<string, unknown>)[card.text];
    if (typeof value !== "number") return { kind: "none", why: `The frame has no metric ${card.text}.` };
    const at = Math.max(0, history.findIndex(({ id }) => id === frame.id));
    const past = history.slice(at + 1).map(({ metrics }) => (metrics as Record<string, unknown>)[card.text]);
    return { kind: "metric", value, before: past.find((one) => typeof one === "number") };
  }
  if (shown === undefined) return { kind: "none", why: "The frame has no files." };
  if (shown.item === undefined) return { kind: "none", why: "Nothing for what was chosen." };
  return partOfFile(shown.item, referenceIn(frame, shown.item));
}

async function partOfFile(file: FileInfo, reference: string): Promise<Part> {
  if (!file.here) return { kind: "none", why: `${file.path} was not on the machine where this was made.` };
  const kind = kindOf(file);
  if (kind === "table") return table(reference);
  if (kind === "text" || kind === "code" || kind === "json") {
    const bytes = await partOf(reference, 0, Math.min(TEXT, file.size));
    return { kind: "text", text: new TextDecoder().decode(bytes), cut: file.size > TEXT };
  }
  if (file.size > LARGEST) {
    return { kind: "none", why: `${file.path} has ${size(file.size)}, more than goes into a file like this.` };
  }
  if (kind === "onnx" || kind === "safetensors") {
    return { kind: "parts", parts: [...(await model(kind, file, reference).catch(() => [])), await saved(file, reference)] };
  }
  const bytes = await bytesOf(reference);
  const draw = FIGURES[kind];
  if (draw !== undefined) {
    const brings = draw === "bokeh" && bringsCode(bytes);
    return { kind: "figure", draw, bytes, code: brings && (await mayRun(reference)) };
  }
  const media = (file.media.split(";")[0] ?? "").trim().toLowerCase();
  switch (kind) {
    case "image":
      return { kind: "picture", media, bytes, alt: plain(file.text || file.path) };
    case "markdown":
      return { kind: "html", html: await htmlOf(new TextDecoder().decode(bytes), reference.split("#", 1)[0]) };
    case "html":
      return { kind: "page", html: new TextDecoder().decode(bytes), scripts: await mayRun(reference) };
    case "notebook": {
      const parts = await notebook(new TextDecoder().decode(bytes), reference.split("#", 1)[0], await mayRun(reference));
      return parts === undefined ? saved(file, reference) : { kind: "parts", parts };
    }
    case "audio":
    case "video":
      return { kind: "media", as: kind, media, bytes };
    default:
      return saved(file, reference);
  }
}

/** A file to be saved from the page. */
async function saved(file: FileInfo, reference: string): Promise<Inner> {
  const name = file.path.split("/").at(-1) ?? "file";
  return { kind: "file", name, media: "application/octet-stream", bytes: await bytesOf(reference) };
}

async function table(reference: string): Promise<Inner> {
  const rows: TableValue[][] = [];
  for (;;) {
    const query = { ref: reference, offset: rows.length, limit: ROWS - rows.length };
    const came = await answer(api.GET("/api/v1/rows", { params: { query } }));
    rows.push(...came.rows);
    // Of wide rows fewer come than were asked for.
    if (came.rows.length === 0 || rows.length >= Math.min(ROWS, came.total)) {
      const columns = came.columns.map(({ name, kind }) => ({ name, right: kind === "number" }));
      return { kind: "table", columns, rows: rows.map((row) => row.map(cell)), total: came.total };
    }
  }
}

function cell(value: TableValue): string {
  if (value === null || value === undefined) return "–";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
