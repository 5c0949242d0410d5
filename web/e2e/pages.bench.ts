// How long people wait for pages. Each series of milliseconds goes into a file, which
// `cargo xtask bench` reads.

import { writeFileSync } from "node:fs";

import { type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";

import { launch, Visitor } from "./browser";
import { Daemon } from "./daemon";

const { DSP_BENCH_OUT, DSP_BENCH_SAMPLES } = process.env;
const SAMPLES = Number(DSP_BENCH_SAMPLES ?? 5);
const measured: Record<string, number[]> = {};

let browser: Browser;
let alice: Daemon;
let bob: Daemon;

beforeAll(async () => {
  [browser, alice, bob] = await Promise.all([launch(), Daemon.start("alice"), Daemon.start("bob")]);
});

afterAll(async () => {
  if (DSP_BENCH_OUT) writeFileSync(DSP_BENCH_OUT, JSON.stringify(measured));
  await browser?.close();
  await Promise.all([alice?.end(), bob?.end()]);
});

it("a parameter, until the picture is another one", async () => {
  const files = Array.from({ length: 50 }, (_, k) => ({ path: `${k}.svg`, bytes: picture(k), params: { k } }));
  await alice.pushFrame("pictures", files);
  const visitor = await Visitor.come(browser, alice);
  const page = await visitor.at(await alice.pageOf("pictures"));
  const slider = page.getByRole("slider", { name: "k" });
  await slider.waitFor();
  measured.param_change = [];
  for (let sample = 0; sample < SAMPLES * 4; sample += 1) {
    measured.param_change.push(
      await slider.evaluate(async (input: HTMLInputElement) => {
        const next = (input.valueAsNumber + 1) % 50;
        const began = performance.now();
        input.value = String(next);
        input.dispatchEvent(new Event("input", { bubbles: true }));
        const drawn = () => [...document.images].some((one) => one.complete && one.naturalHeight === 100 + next);
        while (!drawn()) await new Promise(requestAnimationFrame);
        return performance.now() - began;
      }),
    );
  }
  await visitor.leave();
});

it("a push of a peer, until the page shows it", async () => {
  await alice.push("live", { "a.txt": "push 0" });
  await bob.cli("follow", (await alice.cli("share", "--quiet")).trim());
  const visitor = await Visitor.come(browser, bob);
  const page = await visitor.at(await alice.pageOf("live"));
  await page.getByText("push 0").waitFor();
  measured.live_listed = [];
  measured.live_update = [];
  for (let sample = 1; sample <= SAMPLES * 2; sample += 1) {
    const text = `push ${sample}`;
    const frame = await alice.pushFrame("live", [{ path: "a.txt", bytes: text, params: {} }]);
    const pushed = performance.now();
    const shown = page.getByText(text, { exact: true }).waitFor().then(() => performance.now() - pushed);
    const listed = bob.lists(frame).then(() => performance.now() - pushed);
    measured.live_update.push(await shown);
    measured.live_listed.push(await listed);
  }
  await visitor.leave();
});

it("a place in a table of a million rows, until its rows are there", async () => {
  const rows = Array.from({ length: 1_000_000 }, (_, row) => `${row},${(row * 7) % 1000},${(row % 97) / 7}`);
  await alice.push("large", { "large.csv": `id,value,share\n${rows.join("\n")}\n` });
  const visitor = await Visitor.come(browser, alice);
  const page = await visitor.at(await alice.pageOf("large"));
  const table = page.getByRole("table", { name: /1,000,000 rows/ });
  await table.getByRole("cell", { name: "7", exact: true }).first().waitFor();
  measured.table_page = [];
  for (let sample = 1; sample <= SAMPLES * 10; sample += 1) {
    measured.table_page.push(
      await table.evaluate(async (element, to) => {
        const began = performance.now();
        element.scrollTo(0, element.scrollHeight * to);
        do await new Promise(requestAnimationFrame);
        while (element.querySelector(".wait") !== null);
        return performance.now() - began;
      }, ((sample * 37) % 100) / 100),
    );
  }
  await visitor.leave();
});

it("a first look at Home and at a stack, among a thousand", async () => {
  const file = alice.write("one.txt", "one line\n");
  for (let n = await stacks(alice); n < 1000; n += 1) await alice.pushPath(`many/stack-${n}`, file);
  const visitor = await Visitor.come(browser, alice);
  const stack = await alice.pageOf("many/stack-999");
  for (const [name, path] of [["home_paint", "/"], ["stack_paint", stack]] as const) {
    measured[name] = [];
    for (let sample = 0; sample < SAMPLES; sample += 1) {
      const page = await visitor.at(path);
      measured[name].push(await firstPaint(page));
      await page.close();
    }
  }
  await visitor.leave();
});

it("the memory of a list of ten thousand stacks", async () => {
  const file = alice.write("one.txt", "one line\n");
  for (let n = await stacks(alice); n < 10_000; n += 1) await alice.pushPath(`many/stack-${n}`, file);
  const visitor = await Visitor.come(browser, alice);
  const page = await visitor.at("/stacks");
  await page.getByRole("link", { name: /stack-9999/ }).waitFor();
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  measured.heap_mb = [usedSize / 1e6];
  await visitor.leave();
});

/** A picture whose height says which one it is. */
function picture(k: number): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="100" height="${100 + k}"><rect width="${k}" height="50"/></svg>`;
}

async function stacks(daemon: Daemon): Promise<number> {
  return (JSON.parse(await daemon.cli("ls", "--json")) as { items?: unknown[] }).items?.length ?? 0;
}

async function firstPaint(page: Page): Promise<number> {
  const paint = () => page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
  await expect.poll(paint).toBeGreaterThan(0);
  return (await paint()) as number;
}
