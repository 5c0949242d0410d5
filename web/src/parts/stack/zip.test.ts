import { unzipSync } from "fflate";
import { describe, expect, it } from "vitest";

import { zip } from "./zip";

const bytes = (text: string) => new Uint8Array(new TextEncoder().encode(text));

/** What a program that unpacks it finds in an archive. */
async function unpacked(archive: Blob): Promise<[path: string, text: string][]> {
  const files = unzipSync(new Uint8Array(await archive.arrayBuffer()));
  return Object.entries(files).map(([path, held]) => [path, new TextDecoder().decode(held)]);
}

describe("an archive", () => {
  it("holds each file under its path, as it is", async () => {
    const archive = zip([{ path: "a.csv", bytes: bytes("n\n1\n") }, { path: "täler/b.txt", bytes: bytes("") }], new Date(2026, 10, 23, 3, 40));
    expect(await unpacked(archive)).toEqual([["a.csv", "n\n1\n"], ["täler/b.txt", ""]]);
    expect(new TextDecoder().decode(await archive.arrayBuffer())).toContain("n\n1\n");
  });

  it("has no path that leads out of where it is unpacked", async () => {
    const archive = zip(["../../etc/passwd", "/root/.ssh", "..\\up", "./"].map((path) => ({ path, bytes: bytes("x") })), new Date());
    expect((await unpacked(archive)).map(([path]) => path)).toEqual(["__/__/etc/passwd", "root/.ssh", ".._up", "file"]);
  });
});
