// Which view an attachment gets. The media type decides; where it says nothing, the ending does.

import type { FileInfo } from "../api/schema";

/** A kind of view. */
export type Kind = "image" | "table" | "markdown" | "text" | "audio" | "video" | "other";

const BY_MEDIA: [RegExp, Kind][] = [
  [/^image\/(png|jpeg|gif|webp|avif|svg\+xml)$/, "image"],
  [/^(text\/csv|text\/tab-separated-values|application\/(vnd\.apache\.(parquet|arrow\.(file|stream))|x-ndjson|jsonl))$/, "table"],
  [/^text\/markdown$/, "markdown"],
  [/^(text\/(plain|x-[a-z0-9.+-]+|css|javascript)|application\/(json|yaml|toml|x-yaml|x-sh|javascript))$/, "text"],
  [/^[a-z]+\/[a-z0-9.-]+\+json$/, "text"],
  [/^audio\/(mpeg|ogg|wav|flac|mp4)$/, "audio"],
  [/^video\/(mp4|webm|ogg)$/, "video"],
];

const BY_ENDING: [RegExp, Kind][] = [
  [/\.(parquet|feather|arrow|csv|tsv|jsonl|ndjson)$/i, "table"],
  [/\.(md|markdown)$/i, "markdown"],
  [/\.(txt|json|ya?ml|toml|py|r|sql|sh|rs|js|ts|log|ini|cfg)$/i, "text"],
];

/** Largest text in bytes that is shown as such. */
const TEXT = 2_000_000;

/** Returns the view of an attachment. */
export function kindOf(file: Pick<FileInfo, "media" | "path" | "size">): Kind {
  const media = (file.media.split(";")[0] ?? "").trim().toLowerCase();
  const said = BY_MEDIA.find(([form]) => form.test(media))?.[1];
  const silent = media === "" || media === "application/octet-stream";
  const kind = said ?? (silent ? BY_ENDING.find(([form]) => form.test(file.path))?.[1] : undefined);
  if (kind === undefined) return "other";
  return (kind === "text" || kind === "markdown") && file.size > TEXT ? "other" : kind;
}
