// What compares screenshots: that it finds what is wrong, and only that.

import { expect, it } from "vitest";

import { difference } from "./pictures";
import { fewColours, type Picture, readPng, smaller, writePng } from "./png";

/** A white picture with a dark bar, and where that begins. */
function bars(from: number, shade = 30): Picture {
  const picture = { width: 60, height: 40, pixels: new Uint8Array(60 * 40 * 3).fill(255) };
  for (let y = 10; y < 30; y += 1) picture.pixels.fill(shade, (y * 60 + from) * 3, (y * 60 + from + 20) * 3);
  return picture;
}

it("finds a blank frame, a figure elsewhere, in another colour or of another size", () => {
  const blank = { ...bars(0), pixels: new Uint8Array(60 * 40 * 3).fill(255) };
  expect(difference(bars(10), blank)?.said).toBe("400 pixels differ, where 400 are drawn");
  expect(difference(bars(10), bars(30))?.said).toBe("800 pixels differ, where 400 are drawn");
  expect(difference(bars(10), bars(10, 120))).toBeDefined();
  expect(difference(bars(10), { ...bars(10), width: 40, height: 60 })?.said).toBe("it is 40 × 60 instead of 60 × 40");
  expect(difference(blank, blank)?.said).toBe("nothing is drawn in the picture that is kept");
});

it("lets pass what another machine may draw otherwise", () => {
  expect(difference(bars(10), bars(10))).toBeUndefined();
  expect(difference(bars(10), bars(11))).toBeUndefined();
  expect(difference(bars(10), bars(10, 60))).toBeUndefined();
});

it("reads what it writes, with a palette and without", () => {
  const many = bars(10);
  for (let at = 0; at < 3000; at += 1) many.pixels[at] = (at * 37) % 256;
  for (const picture of [bars(10), many]) expect(readPng(writePng(picture))).toEqual(picture);
  expect(writePng(bars(10))[25]).toBe(3);
  expect(writePng(many)[25]).toBe(2);
  const few = fewColours(many);
  expect(writePng(few)[25]).toBe(3);
  expect(difference(many, few)).toBeUndefined();
});

it("makes pictures smaller by their means", () => {
  const small = smaller(bars(10), 10);
  expect([small.width, small.height]).toEqual([6, 4]);
  expect(Array.from(small.pixels.filter((_, at) => at % 3 === 0)).slice(6, 12)).toEqual([255, 30, 30, 255, 255, 255]);
});
