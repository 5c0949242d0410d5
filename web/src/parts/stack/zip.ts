// Files as one: a ZIP archive in which they stay as they are.
//
// The form is that of PKWARE's application note, without compression, encryption and ZIP64.

/** A file that is put into it. */
export interface Part {
  /** Its path, with `/` between folders. */
  path: string;
  bytes: Uint8Array<ArrayBuffer>;
}

/** Says that names are UTF-8. */
const UTF8 = 0x0800;
/** The version that can read it, 2.0: folders. */
const VERSION = 20;

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let value = n;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

/** Returns the CRC-32 of bytes, as ZIP and PNG count it. */
export function crc32(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of bytes) value = (TABLE[(value ^ byte) & 0xff] as number) ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

/** Returns an archive of files, each of less than 4 GB, all together too. */
export function zip(parts: readonly Part[], time: Date): Blob {
  const written: BlobPart[] = [];
  const directory: Uint8Array<ArrayBuffer>[] = [];
  let at = 0;
  const stamp = dos(time);
  for (const { path, bytes } of parts) {
    const name = new TextEncoder().encode(safe(path));
    const common = [[2, VERSION], [2, UTF8], [2, 0], [4, stamp], [4, crc32(bytes)], [4, bytes.length], [4, bytes.length], [2, name.length], [2, 0]] as Field[];
    const head = fields([[4, 0x04034b50], ...common]);
    // Made by, what is common, no comment, first disk, attributes, and where it begins.
    directory.push(fields([[4, 0x02014b50], [2, VERSION], ...common, [2, 0], [2, 0], [2, 0], [4, 0], [4, at]]), name);
    written.push(head, name, bytes);
    at += head.length + name.length + bytes.length;
  }
  const length = directory.reduce((sum, one) => sum + one.length, 0);
  const end = fields([[4, 0x06054b50], [2, 0], [2, 0], [2, parts.length], [2, parts.length], [4, length], [4, at], [2, 0]]);
  return new Blob([...written, ...directory, end], { type: "application/zip" });
}

/** A number and how many bytes it takes, the lowest first. */
type Field = [bytes: 2 | 4, value: number];

function fields(all: readonly Field[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(all.reduce((sum, [length]) => sum + length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [length, value] of all) {
    if (length === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += length;
  }
  return bytes;
}

/** A path that leads nowhere but into the folder where it is unpacked. */
function safe(path: string): string {
  const parts = path.replaceAll("\\", "_").split("/").filter((part) => part !== "" && part !== ".");
  return parts.map((part) => (part === ".." ? "__" : part)).join("/") || "file";
}

/** A time as DOS wrote it: date above time, in steps of two seconds. */
function dos(time: Date): number {
  const date = ((time.getFullYear() - 1980) << 9) | ((time.getMonth() + 1) << 5) | time.getDate();
  const clock = (time.getHours() << 11) | (time.getMinutes() << 5) | (time.getSeconds() >> 1);
  return ((date << 16) | clock) >>> 0;
}
