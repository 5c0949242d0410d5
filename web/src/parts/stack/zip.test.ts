import { describe, expect, it } from "vitest";

import { crc32, zip } from "./zip";

const bytes = (text: string) => new Uint8Array(new TextEncoder().encode(text));

/** Reads the directory of an archive, as a program that unpacks it does. */
async function unpacked(archive: Blob): Promise<[path: string, text: string][]> {
  const view = new DataView(await archive.arrayBuffer());
  const text = (at: number, length: number) => new TextDecoder().decode(new Uint8Array(view.buffer, at, length));
  const end = view.byteLength - 22;
  expect(view.getUint32(end, true)).toBe(0x06054b50);
  let at = view.getUint32(end + 16, true);
  return Array.from({ length: view.getUint16(end + 10, true) }, () => {
    expect(view.getUint32(at, true)).toBe(0x02014b50);
    const [crc, size, name, from] = [view.getUint32(at + 16, true), view.getUint32(at + 24, true), view.getUint16(at + 28, true), view.getUint32(at + 42, true)];
    const path = text(at + 46, name);
    at += 46 + name;
    expect(view.getUint32(from, true)).toBe(0x04034b50);
    expect(text(from + 30, name)).toBe(path);
    const held = text(from + 30 + name, size);
    expect(crc32(bytes(held))).toBe(crc);
    return [path, held];
  });
}

describe("an archive", () => {
  it("counts as others do", () => {
    // The check value of CRC-32 in every catalogue.
    expect(crc32(bytes("123456789"))).toBe(0xcbf43926);
    expect(crc32(bytes(""))).toBe(0);
  });

  it("holds each file under its path", async () => {
    const archive = zip([{ path: "a.csv", bytes: bytes("n\n1\n") }, { path: "täler/b.txt", bytes: bytes("") }], new Date(2026, 10, 23, 3, 40));
    expect(await unpacked(archive)).toEqual([["a.csv", "n\n1\n"], ["täler/b.txt", ""]]);
  });

  it("has no path that leads out of where it is unpacked", async () => {
    const archive = zip(["../../etc/passwd", "/root/.ssh", "..\\up", "./"].map((path) => ({ path, bytes: bytes("x") })), new Date());
    expect((await unpacked(archive)).map(([path]) => path)).toEqual(["__/__/etc/passwd", "root/.ssh", ".._up", "file"]);
  });
});
