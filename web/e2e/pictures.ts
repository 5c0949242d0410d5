// Screenshots compared with those that are kept, in a way that holds on other machines: with fonts
// of our own, a quarter of the size, so that how letters are smoothed does not matter, and with a
// tolerance in proportion to how much is drawn.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import type { Locator } from "playwright-core";

import { type Picture, readPng, smaller, writePng } from "./png";

/** Where pictures are kept, and where those of failures go. */
const KEPT = join(import.meta.dirname, "pictures");
const FAILED = join(import.meta.dirname, "../node_modules/.pictures");
/** How much smaller pictures are kept than they were taken. */
const SMALLER = 4;
/** From which difference of one colour two pixels differ, of 255. */
const DIFFERENT = 48;
/** How many pixels may differ, as a part of those that are not background. */
const PART = 0.25;
/** Whether pictures are written anew. */
const UPDATE = process.env.DSP_UPDATE === "1";

/**
 * Returns the path of a configuration of fonts that knows only those which KaTeX brings: what a
 * figure draws looks the same on each machine then, whatever is installed there.
 */
export function ownFonts(): string {
  const folder = mkdtempSync(join(tmpdir(), "dsp-fonts-"));
  const fonts = join(import.meta.dirname, "../node_modules/katex/dist/fonts");
  const alias = (family: string, instead: string) =>
    `<match><test name="family"><string>${family}</string></test><edit name="family" mode="assign" binding="strong"><string>${instead}</string></edit></match>`;
  const path = join(folder, "fonts.conf");
  writeFileSync(
    path,
    `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>
<dir>${fonts}</dir><cachedir>${folder}</cachedir>
${alias("monospace", "KaTeX_Typewriter")}${alias("serif", "KaTeX_Main")}${alias("sans-serif", "KaTeX_SansSerif")}
<match target="pattern"><edit name="family" mode="append_last"><string>KaTeX_SansSerif</string></edit></match>
<match target="font"><edit name="hinting" mode="assign"><bool>false</bool></edit>
<edit name="antialias" mode="assign"><bool>true</bool></edit><edit name="rgba" mode="assign"><const>none</const></edit></match>
</fontconfig>`,
  );
  return path;
}

/** How two pictures differ: what is wrong with the second, and a picture that shows it. */
export interface Difference {
  said: string;
  shown: Picture;
}

/** Compares a picture with the one that is kept. */
export function difference(kept: Picture, now: Picture): Difference | undefined {
  if (kept.width !== now.width || Math.abs(kept.height - now.height) > 2) {
    return { said: `it is ${now.width} × ${now.height} instead of ${kept.width} × ${kept.height}`, shown: now };
  }
  const height = Math.min(kept.height, now.height);
  const ground = background(kept);
  const shown = { width: kept.width, height, pixels: new Uint8Array(kept.width * height * 3) };
  let drawn = 0;
  let different = 0;
  for (let at = 0; at < shown.pixels.length; at += 3) {
    const differs = away(kept.pixels, at, now.pixels, at) > DIFFERENT;
    if (away(kept.pixels, at, ground, 0) > DIFFERENT) drawn += 1;
    if (differs) different += 1;
    shown.pixels.set(differs ? [220, 0, 60] : [...now.pixels.subarray(at, at + 3)].map((one) => 170 + one / 3), at);
  }
  if (drawn === 0) return { said: "nothing is drawn in the picture that is kept", shown: kept };
  if (different <= drawn * PART) return undefined;
  return { said: `${different} pixels differ, where ${drawn} are drawn`, shown };
}

/** How far two pixels are apart, in the colour in which they are most. */
function away(a: Uint8Array, from: number, b: Uint8Array, to: number): number {
  let most = 0;
  for (let colour = 0; colour < 3; colour += 1) {
    most = Math.max(most, Math.abs((a[from + colour] as number) - (b[to + colour] as number)));
  }
  return most;
}

/** The colour that most pixels have. */
function background({ pixels }: Picture): Uint8Array {
  const often = new Map<string, number>();
  for (let at = 0; at < pixels.length; at += 3) {
    const colour = pixels.subarray(at, at + 3).join();
    often.set(colour, (often.get(colour) ?? 0) + 1);
  }
  const [most] = [...often].sort((a, b) => b[1] - a[1])[0] ?? ["255,255,255"];
  return Uint8Array.from(most.split(",").map(Number));
}

/**
 * Fails where a part of a page does not look, soon, as in the picture that is kept under a name.
 * `DSP_UPDATE=1` keeps how it looks now.
 */
export async function pictured(part: Locator, name: string): Promise<void> {
  const path = join(KEPT, `${name}.png`);
  const taken = async () => {
    // A line to copy names a frame, which is another one each time.
    const bytes = await part.screenshot({ animations: "disabled", caret: "hide", mask: [part.locator(".copy pre")], maskColor: "#ffffff" });
    return smaller(readPng(bytes), SMALLER);
  };
  if (UPDATE) {
    await settled(taken).then((now) => written(path, now));
    return;
  }
  if (!existsSync(path)) throw new Error(`there is no ${path}: DSP_UPDATE=1 makes it`);
  const kept = readPng(readFileSync(path));
  // What is drawn last may come a moment later.
  const until = Date.now() + 10_000;
  for (;;) {
    const now = await taken();
    const differs = difference(kept, now);
    if (differs === undefined) return;
    if (Date.now() > until) {
      const place = join(FAILED, `${name}.png`);
      written(place, beside([kept, now, differs.shown]));
      throw new Error(`${name} looks otherwise: ${differs.said}; kept, now and difference are in ${place}`);
    }
  }
}

/** Takes pictures until two are the same. */
async function settled(taken: () => Promise<Picture>): Promise<Picture> {
  let last = await taken();
  for (;;) {
    const now = await taken();
    if (Buffer.compare(last.pixels, now.pixels) === 0) return now;
    last = now;
  }
}

function written(path: string, picture: Picture): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, writePng(picture));
}

/** Pictures side by side. */
function beside(pictures: Picture[]): Picture {
  const gap = 8;
  const width = pictures.reduce((sum, one) => sum + one.width + gap, -gap);
  const height = Math.max(...pictures.map((one) => one.height));
  const pixels = new Uint8Array(width * height * 3).fill(90);
  let left = 0;
  for (const one of pictures) {
    for (let y = 0; y < one.height; y += 1) {
      pixels.set(one.pixels.subarray(y * one.width * 3, (y + 1) * one.width * 3), (y * width + left) * 3);
    }
    left += one.width + gap;
  }
  return { width, height, pixels };
}
