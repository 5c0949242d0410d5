// Kinds of files as people call them, of the media types that their authors gave them.

import type { StoredTypes } from "../../api/schema";
import { type Kind, kindOf } from "../../parts/kinds";

const FAMILIES: Record<Kind, string> = {
  image: "Pictures",
  table: "Tables",
  plotly: "Figures",
  vega: "Figures",
  bokeh: "Figures",
  html: "Pages",
  notebook: "Notebooks",
  safetensors: "Models",
  onnx: "Models",
  model: "Models",
  audio: "Sound and film",
  video: "Sound and film",
  markdown: "Text and code",
  json: "Text and code",
  code: "Text and code",
  text: "Text and code",
  pdf: "Text and code",
  other: "Other files",
};

/** What is here of files that one calls by one name. */
export interface Family {
  name: string;
  /** The media types, the one with the most bytes first. */
  media: string[];
  /** How many; nothing where they are not counted. */
  files: number | undefined;
  bytes: number;
}

/** Returns what is here by families of types, the largest first, and what is of none last. */
export function familiesOf(stored: StoredTypes): Family[] {
  const families = new Map<string, Family>();
  for (const { media, files, bytes } of stored.types) {
    const name = FAMILIES[kindOf({ media, path: "", size: 0 })];
    const family = families.get(name) ?? { name, media: [], files: 0, bytes: 0 };
    family.media.push(media);
    family.files = (family.files ?? 0) + files;
    family.bytes += bytes;
    families.set(name, family);
  }
  const sorted = [...families.values()].sort((a, b) => b.bytes - a.bytes);
  if (stored.other_bytes === 0) return sorted;
  const rest = { name: "Lists, lineage and large folders", media: [], files: undefined, bytes: stored.other_bytes };
  return [...sorted, rest];
}
