// Which view an attachment gets. The media type decides, and what its author said that it is for;
// where neither says anything, the ending does.

import type { FileInfo } from "../api/schema";

/** A kind of view. */
export type Kind =
  | "image" | "table" | "markdown" | "json" | "code" | "text" | "audio" | "video"
  | "plotly" | "vega" | "bokeh" | "html" | "pdf" | "notebook" | "safetensors" | "onnx" | "model"
  | "other";

const BY_MEDIA: [RegExp, Kind][] = [
  [/^image\/(png|jpeg|gif|webp|avif|svg\+xml)$/, "image"],
  [/^(text\/csv|text\/tab-separated-values|application\/(csv|vnd\.apache\.(parquet|arrow\.(file|stream))|x-ndjson|jsonl))$/, "table"],
  [/^text\/markdown$/, "markdown"],
  [/^(text\/html|application\/vnd\.dstack\.html)$/, "html"],
  [/^application\/pdf$/, "pdf"],
  [/^application\/vnd\.plotly(\.v\d+)?\+json$/, "plotly"],
  [/^application\/vnd\.vega(lite)?(\.v\d+)?\+json$/, "vega"],
  [/^application\/vnd\.bokehjs_(load|exec)(\.v\d+)?\+json$/, "bokeh"],
  [/^application\/x-ipynb\+json$/, "notebook"],
  [/^application\/(json|geo\+json)$/, "json"],
  [/^[a-z]+\/[a-z0-9.-]+\+json$/, "json"],
  [/^application\/vnd\.safetensors$/, "safetensors"],
  [/^application\/vnd\.onnx$/, "onnx"],
  [/^application\/(x-python-pickle|vnd\.keras|x-hdf5|vnd\.gguf|x-rds|x-r-data)$/, "model"],
  [/^(text\/(x-[a-z0-9.+-]+|css|javascript|xml)|application\/(sql|yaml|toml|x-yaml|x-sh|javascript|xml))$/, "code"],
  [/^text\/plain$/, "text"],
  [/^audio\/(mpeg|ogg|wav|flac|mp4)$/, "audio"],
  [/^video\/(mp4|webm|ogg)$/, "video"],
];

const BY_ENDING: [RegExp, Kind][] = [
  [/\.(parquet|feather|arrow|csv|tsv|jsonl|ndjson)$/i, "table"],
  [/\.(md|markdown)$/i, "markdown"],
  [/\.ipynb$/i, "notebook"],
  [/\.json$/i, "json"],
  [/\.safetensors$/i, "safetensors"],
  [/\.onnx$/i, "onnx"],
  [/\.(pkl|pickle|joblib|pt|pth|ckpt|keras|skops|gguf|h5|rds|rda|rdata)$/i, "model"],
  [/\.(ya?ml|toml|py|r|sql|sh|rs|js|ts|jl|cfg|ini)$/i, "code"],
  [/\.(txt|log)$/i, "text"],
];

/** What a client says that JSON of it is. */
const BY_APP: Record<string, Kind> = { plotly: "plotly", bokeh: "bokeh", altair: "vega" };

/** Largest attachment in bytes that is drawn as a figure, and that is set as a page of text. */
const LARGEST: Partial<Record<Kind, number>> = {
  plotly: 100_000_000, vega: 100_000_000, bokeh: 100_000_000, notebook: 50_000_000,
  markdown: 2_000_000, json: 5_000_000,
};

/** Returns the view of an attachment. */
export function kindOf(file: Pick<FileInfo, "media" | "path" | "size"> & { app?: string | null }): Kind {
  const media = (file.media.split(";")[0] ?? "").trim().toLowerCase();
  const said = BY_MEDIA.find(([form]) => form.test(media))?.[1];
  const silent = media === "" || media === "application/octet-stream";
  const meant = said === "json" ? (BY_APP[file.app ?? ""] ?? said) : said;
  const kind = meant ?? (silent ? BY_ENDING.find(([form]) => form.test(file.path))?.[1] : undefined) ?? "other";
  if (file.size <= (LARGEST[kind] ?? Infinity)) return kind;
  return kind === "markdown" || kind === "json" ? "text" : "other";
}
