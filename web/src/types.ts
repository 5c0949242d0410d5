// What kind of thing a stack holds, by the file that stands for it.

import type { CoverInfo } from "./api/schema";

/** The kinds of stacks, by the file that stands for them, and how people call them. */
export const TYPES = {
  picture: "Pictures",
  figure: "Figures",
  table: "Tables",
  text: "Text",
  notebook: "Notebooks",
  model: "Models",
  sound: "Sound and video",
  other: "Other files",
} as const;
/** One of them. */
export type Type = keyof typeof TYPES;

const BY_MEDIA: [RegExp, Type][] = [
  [/^image\//, "picture"],
  [/plotly|vega|bokeh|^text\/html$/, "figure"],
  [/^(text\/(csv|tab-separated-values)|application\/(vnd\.apache\.(parquet|arrow)|x-ndjson|jsonl))/, "table"],
  [/ipynb/, "notebook"],
  [/onnx|safetensors|pickle|joblib|sklearn|torch|x-r-data|rds/, "model"],
  [/^(audio|video)\//, "sound"],
  [/^text\/|json|yaml|toml|xml|pdf/, "text"],
];
/** What clients say that JSON of theirs is, and it is a figure. */
const FIGURES = new Set(["plotly", "bokeh", "altair"]);
const BY_ENDING: [RegExp, Type][] = [
  [/\.(parquet|feather|arrow|csv|tsv|jsonl|ndjson)$/i, "table"],
  [/\.ipynb$/i, "notebook"],
  [/\.(onnx|safetensors|pkl|pickle|joblib|pt|pth|h5|rds|rda|bin|gguf)$/i, "model"],
  [/\.(html?)$/i, "figure"],
  [/\.(md|txt|py|r|sql|ya?ml|toml|log|sh|ini)$/i, "text"],
];

/** Returns the type of a stack whose frame a file stands for. */
export function typeOf(cover: Pick<CoverInfo, "media" | "path" | "app"> | null | undefined): Type {
  if (cover == null) return "other";
  if (FIGURES.has(cover.app ?? "")) return "figure";
  const media = cover.media.toLowerCase();
  const first = BY_ENDING.find(([form, type]) => type === "notebook" && form.test(cover.path));
  return (
    first?.[1] ??
    BY_MEDIA.find(([form]) => form.test(media))?.[1] ??
    BY_ENDING.find(([form]) => form.test(cover.path))?.[1] ??
    "other"
  );
}
