// PNG as Chromium writes it: read, written, and made smaller.

import { crc32, deflateSync, inflateSync } from "node:zlib";

/** A picture: three bytes a pixel, line after line. */
export interface Picture {
  width: number;
  height: number;
  pixels: Uint8Array;
}

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** How many bytes a pixel has, by the kind of colours. */
const BYTES: Record<number, number> = { 2: 3, 3: 1, 6: 4 };

/** Reads a PNG of 8 bits a colour; what can be seen through is taken for white behind it. */
export function readPng(bytes: Buffer): Picture {
  if (!bytes.subarray(0, 8).equals(SIGNATURE)) throw new Error("this is no PNG");
  const chunks = new Map<string, Buffer[]>();
  for (let at = 8; at < bytes.length; ) {
    const size = bytes.readUInt32BE(at);
    const name = bytes.toString("latin1", at + 4, at + 8);
    chunks.set(name, [...(chunks.get(name) ?? []), bytes.subarray(at + 8, at + 8 + size)]);
    at += size + 12;
  }
  const header = chunks.get("IHDR")?.[0];
  if (header === undefined) throw new Error("it has no header");
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const each = BYTES[header[9] as number];
  const palette = chunks.get("PLTE")?.[0];
  if (header[8] !== 8 || each === undefined || header[12] !== 0) throw new Error("a PNG of another kind");
  const raw = inflateSync(Buffer.concat(chunks.get("IDAT") ?? []));
  const line = width * each;
  const pixels = new Uint8Array(width * height * 3);
  let above = new Uint8Array(line);
  for (let y = 0; y < height; y += 1) {
    const start = y * (line + 1);
    const now = unfiltered(raw[start] as number, raw.subarray(start + 1, start + 1 + line), above, each);
    for (let x = 0; x < width; x += 1) {
      const opaque = each === 4 ? (now[x * 4 + 3] as number) / 255 : 1;
      for (let colour = 0; colour < 3; colour += 1) {
        const value = palette ? palette[(now[x] as number) * 3 + colour] : now[x * each + colour];
        pixels[(y * width + x) * 3 + colour] = Math.round((value as number) * opaque + 255 * (1 - opaque));
      }
    }
    above = now;
  }
  return { width, height, pixels };
}

/** Takes back what a PNG does to a line so that it packs well. */
function unfiltered(filter: number, line: Uint8Array, above: Uint8Array, each: number): Uint8Array<ArrayBuffer> {
  const done = new Uint8Array(line.length);
  for (let at = 0; at < line.length; at += 1) {
    const left = at < each ? 0 : (done[at - each] as number);
    const up = above[at] as number;
    const corner = at < each ? 0 : (above[at - each] as number);
    const guess = [0, left, up, (left + up) >> 1, nearest(left, up, corner)][filter];
    if (guess === undefined) throw new Error(`no filter is ${filter}`);
    done[at] = (line[at] as number) + guess;
  }
  return done;
}

function nearest(left: number, up: number, corner: number): number {
  const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}

/** Writes a PNG: with a palette where 256 colours are enough. */
export function writePng({ width, height, pixels }: Picture): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  const palette = new Map<number, number>();
  for (let at = 0; at < pixels.length && palette.size <= 256; at += 3) {
    const colour = colourAt(pixels, at);
    if (!palette.has(colour)) palette.set(colour, palette.size);
  }
  const few = palette.size <= 256;
  header.set([8, few ? 3 : 2, 0, 0, 0], 8);
  const each = few ? 1 : 3;
  const raw = Buffer.alloc(height * (width * each + 1));
  for (let y = 0; y < height; y += 1) {
    const start = y * (width * each + 1) + 1;
    for (let x = 0; x < width; x += 1) {
      const from = (y * width + x) * 3;
      if (few) raw[start + x] = palette.get(colourAt(pixels, from)) as number;
      else raw.set(pixels.subarray(from, from + 3), start + x * 3);
    }
  }
  const colours = Buffer.from([...palette.keys()].flatMap((colour) => [colour >> 16, (colour >> 8) & 255, colour & 255]));
  return Buffer.concat([
    SIGNATURE,
    chunk("IHDR", header),
    ...(few ? [chunk("PLTE", colours)] : []),
    chunk("IDAT", deflateSync(raw, { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

const colourAt = (pixels: Uint8Array, at: number) =>
  ((pixels[at] as number) << 16) | ((pixels[at + 1] as number) << 8) | (pixels[at + 2] as number);

/** Returns a chunk of a PNG. */
function chunk(name: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(name, "latin1"), data]);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(data.length);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([size, body, check]);
}

/** Returns a picture that is smaller by a whole number: each pixel the mean of a square. */
export function smaller({ width, height, pixels }: Picture, by: number): Picture {
  const small = { width: Math.floor(width / by), height: Math.floor(height / by) };
  const means = new Uint8Array(small.width * small.height * 3);
  for (let at = 0; at < means.length; at += 1) {
    const colour = at % 3;
    const x = Math.floor(at / 3) % small.width;
    const y = Math.floor(at / 3 / small.width);
    let sum = 0;
    for (let dy = 0; dy < by; dy += 1) {
      for (let dx = 0; dx < by; dx += 1) {
        sum += pixels[((y * by + dy) * width + x * by + dx) * 3 + colour] as number;
      }
    }
    means[at] = Math.round(sum / by / by);
  }
  return { ...small, pixels: means };
}

/** Returns a picture of at most 256 colours: the most frequent ones after rounding, or the nearest of them. */
export function fewColours({ width, height, pixels }: Picture): Picture {
  const often = new Map<number, number>();
  const exact = new Map<number, number>();
  for (let at = 0; at < pixels.length; at += 3) {
    const colour = colourAt(pixels, at);
    exact.set(colour, (exact.get(colour) ?? 0) + 1);
  }
  // Colours that cover much stay what they are; of the rest those that are near each other become one.
  const kept = [...exact].sort((a, b) => b[1] - a[1]).slice(0, 96).map(([colour]) => colour);
  for (const [colour, times] of exact) {
    const round = (colour & 0xf0f0f0) | 0x080808;
    often.set(round, (often.get(round) ?? 0) + times);
  }
  const rest = [...often].sort((a, b) => b[1] - a[1]).slice(0, 256 - kept.length).map(([colour]) => colour);
  const palette = [...new Set([...kept, ...rest])];
  const known = new Map<number, number>(palette.map((colour) => [colour, colour]));
  const done = new Uint8Array(pixels.length);
  for (let at = 0; at < pixels.length; at += 3) {
    const colour = colourAt(pixels, at);
    const taken = known.get(colour) ?? palette.reduce((best, one) => (far(one, colour) < far(best, colour) ? one : best));
    known.set(colour, taken);
    done.set([taken >> 16, (taken >> 8) & 255, taken & 255], at);
  }
  return { width, height, pixels: done };
}

function far(a: number, b: number): number {
  const [red, green, blue] = [(a >> 16) - (b >> 16), ((a >> 8) & 255) - ((b >> 8) & 255), (a & 255) - (b & 255)];
  return red * red + green * green + blue * blue;
}
