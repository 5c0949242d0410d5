// The bytes of attachments, whole or in parts.

import { contentUrl, ProblemError, Unreachable } from "../api/client";
import type { Problem } from "../api/schema";

/** Returns all bytes of an attachment. */
export async function bytesOf(reference: string): Promise<ArrayBuffer> {
  return (await asked(contentUrl(reference))).arrayBuffer();
}

/** Returns bytes from `first` on, `length` at most. */
export async function partOf(reference: string, first: number, length: number): Promise<Uint8Array> {
  if (length <= 0) return new Uint8Array();
  const range = `bytes=${first}-${first + length - 1}`;
  const bytes = await (await asked(contentUrl(reference), { range })).arrayBuffer();
  return new Uint8Array(bytes).subarray(0, length);
}

/** Returns the bytes at an address of this daemon. */
export async function bytesOfUrl(url: string): Promise<Blob> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} cannot be had: ${response.status}`);
  return response.blob();
}

/** Returns bytes as an address that holds them. */
export function dataUrl(bytes: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as string);
    reader.onerror = () => reject(reader.error ?? new Error("the bytes cannot be read"));
    reader.readAsDataURL(bytes);
  });
}

/**
 * Asks for what is at an address of the daemon.
 *
 * @throws {ProblemError} when the daemon refuses
 * @throws {Unreachable} when it does not answer
 */
export async function asked(url: string, headers: Record<string, string> = {}): Promise<Response> {
  let response;
  try {
    response = await fetch(url, { headers });
  } catch (cause) {
    throw new Unreachable(cause);
  }
  if (!response.ok) throw new ProblemError((await response.json()) as Problem);
  return response;
}

/** How much is read at once, in bytes. */
const BLOCK = 256 << 10;

/** An attachment that is read here and there; what was read is kept. */
export class Pieces {
  private readonly blocks = new Map<number, Promise<Uint8Array>>();

  /**
   * @param most how many blocks of 256 KiB are read at most
   */
  constructor(
    private readonly reference: string,
    readonly size: number,
    private readonly most = 64,
  ) {}

  /** Returns bytes from `at` on; fewer where they end. */
  async read(at: number, length: number): Promise<Uint8Array> {
    const end = Math.min(this.size, at + length);
    const bytes = new Uint8Array(Math.max(0, end - at));
    for (let block = Math.floor(at / BLOCK); block * BLOCK < end; block += 1) {
      const piece = await this.block(block);
      const from = Math.max(at, block * BLOCK);
      const to = Math.min(end, (block + 1) * BLOCK);
      bytes.set(piece.subarray(from - block * BLOCK, to - block * BLOCK), from - at);
    }
    return bytes;
  }

  private block(block: number): Promise<Uint8Array> {
    const known = this.blocks.get(block);
    if (known) return known;
    if (this.blocks.size >= this.most) throw new Error("the file is spread too far to be described");
    const coming = partOf(this.reference, block * BLOCK, BLOCK);
    this.blocks.set(block, coming);
    return coming;
  }
}
