// Files as one: a ZIP archive in which they stay as they are.

import { Zip, ZipPassThrough } from "fflate";

/** A file that is put into it. */
export interface Part {
  /** Its path, with `/` between folders. */
  path: string;
  bytes: Uint8Array<ArrayBuffer>;
}

/** Returns an archive of files, all together of less than 4 GB: they are neither packed nor copied. */
export function zip(parts: readonly Part[], time: Date): Blob {
  const written: BlobPart[] = [];
  const archive = new Zip((error, bytes) => {
    if (error) throw error;
    written.push(bytes as Uint8Array<ArrayBuffer>);
  });
  for (const { path, bytes } of parts) {
    const file = new ZipPassThrough(safe(path));
    file.mtime = time;
    archive.add(file);
    file.push(bytes, true);
  }
  archive.end();
  return new Blob(written, { type: "application/zip" });
}

/** A path that leads nowhere but into the folder where it is unpacked. */
function safe(path: string): string {
  const parts = path.replaceAll("\\", "_").split("/").filter((part) => part !== "" && part !== ".");
  return parts.map((part) => (part === ".." ? "__" : part)).join("/") || "file";
}
