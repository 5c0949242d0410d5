import { type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { launch, violations, Visitor } from "./browser";
import { Daemon } from "./daemon";

let browser: Browser;
let alice: Daemon;
let bob: Daemon;

beforeAll(async () => {
  [browser, alice, bob] = await Promise.all([launch(), Daemon.start("alice"), Daemon.start("bob")]);
  for (const stack of ["waves/one", "waves/two", "waves/three"]) {
    await alice.pushFrame(stack, [1, 2, 3].map((k) => ({ path: `${k}.svg`, bytes: wave(stack, k), params: { k } })));
  }
  await alice.push("weekly", { "weekly.csv": "week,sum\n1,10\n2,30\n" }, "-m", "first", "--metric", "total=40");
  const ticket = (await alice.cli("share", "--role", "writer")).match(/dsp1[0-9a-z]+|dsp:\/\/\S+|[a-z0-9]{60,}/i)?.[0];
  await bob.cli("follow", ticket ?? "no ticket was printed");
});

afterAll(async () => {
  await browser?.close();
  await Promise.all([alice?.end(), bob?.end()]);
});

/** A picture that says which one it is. */
function wave(stack: string, k: number): string {
  const points = Array.from({ length: 60 }, (_, x) => `${x * 5},${50 - 40 * Math.sin((x * k) / 9)}`).join(" ");
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 100" width="300" height="${100 + k}"><title>${stack}</title><polyline points="${points}" fill="none" stroke="#4f46e5"/></svg>`;
}

/** The heights of the pictures as they were drawn: 101, 102 or 103 tells which one it is. */
function heights(page: Page): Promise<number[]> {
  return page.locator(".board img").evaluateAll((all) => all.map((img) => (img as HTMLImageElement).naturalHeight));
}

/** Makes a dashboard and returns its address. */
async function make(page: Page, title: string, stacks: string[]): Promise<string> {
  await page.goto(new URL("/dashboards/new", page.url()).href);
  for (const stack of stacks) await page.getByRole("checkbox", { name: new RegExp(`^${stack}`) }).check();
  await page.getByPlaceholder("Title").fill(title);
  await page.getByRole("button", { name: /Make a dashboard/ }).click();
  await page.getByRole("heading", { name: title }).waitFor();
  return new URL(page.url()).pathname;
}

describe("a dashboard", () => {
  it("stands there once stacks are chosen, and one widget moves three cards", async () => {
    const visitor = await Visitor.come(browser, alice);
    const page = await visitor.at("/");
    await make(page, "Waves", ["waves/one", "waves/two", "waves/three", "weekly"]);
    await expect.poll(() => heights(page)).toEqual([101, 101, 101]);
    await page.getByText("40", { exact: true }).waitFor();
    await page.getByRole("cell", { name: "30" }).waitFor();

    await page.getByRole("slider", { name: "k" }).press("ArrowRight");
    await expect.poll(() => heights(page)).toEqual([102, 102, 102]);
    expect(new URL(page.url()).searchParams.get("p.k")).toBe("2");
    // The address alone brings it back.
    await page.reload();
    await expect.poll(() => heights(page)).toEqual([102, 102, 102]);
    expect(await violations(page)).toEqual([]);
    await visitor.leave();
  });

  it("is made from an empty page with the keyboard alone", async () => {
    const visitor = await Visitor.come(browser, alice);
    const page = await visitor.at("/dashboards/new");
    await page.getByRole("checkbox", { name: /^weekly/ }).waitFor();
    const focus = async (name: string) => {
      for (let presses = 0; presses < 60; presses += 1) {
        await page.keyboard.press("Tab");
        const label = await page.evaluate(() => {
          const active = document.activeElement as HTMLInputElement | null;
          return active?.labels?.[0]?.textContent ?? active?.textContent ?? "";
        });
        if (label.startsWith(name)) return;
      }
      throw new Error(`the keyboard does not reach ${name}`);
    };
    await focus("weekly");
    await page.keyboard.press("Space");
    await focus("Make a dashboard");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "weekly", level: 1 }).waitFor();
    await page.getByRole("cell", { name: "30" }).waitFor();
    await visitor.leave();
  });

  it("moves on a teammate's page when somebody pushes", async () => {
    const hers = await Visitor.come(browser, alice);
    const his = await Visitor.come(browser, bob);
    const first = await hers.at("/");
    const path = await make(first, "Live", ["weekly"]);
    const page = await his.at(path);
    await page.getByRole("heading", { name: "Live" }).waitFor();
    await page.getByRole("cell", { name: "30" }).waitFor();

    await alice.push("weekly", { "weekly.csv": "week,sum\n1,10\n2,31\n" }, "-m", "second", "--metric", "total=41");

    await page.getByRole("cell", { name: "31" }).waitFor();
    await page.getByText("41", { exact: true }).waitFor();
    // And back to what was.
    await page.getByRole("slider", { name: "As it was" }).press("Home");
    await page.getByRole("cell", { name: "30" }).waitFor();
    await hers.leave();
    await his.leave();
  });

  it("is edited by two people at once", async () => {
    const hers = await Visitor.come(browser, alice);
    const his = await Visitor.come(browser, bob);
    const one = await hers.at("/");
    const path = await make(one, "Ours", ["waves/one", "waves/two", "weekly"]);
    const two = await his.at(`${path}?edit`);
    await one.goto(`${alice.address}${path}?edit`);
    const first = one.getByRole("toolbar", { name: "Card one" });
    await first.waitFor();
    await two.getByRole("toolbar", { name: "Card two" }).waitFor();

    await first.getByRole("button", { name: /^Move/ }).press("Shift+ArrowRight");
    await two.getByRole("toolbar", { name: "Card two" }).getByRole("button", { name: "two: earlier" }).click();
    await two.getByRole("button", { name: "Heading" }).click();

    const order = (page: Page) =>
      page.locator(".board-cell").evaluateAll((cells) =>
        cells.map((cell) => `${cell.querySelector("h2")?.textContent} ${(cell as HTMLElement).style.getPropertyValue("--span")}`),
      );
    const wanted = ["total 12", "two 6", "one 7", "weekly 12", "Section 12"];
    await expect.poll(() => order(one), { timeout: 10_000 }).toEqual(wanted);
    await expect.poll(() => order(two), { timeout: 10_000 }).toEqual(wanted);
    expect(await violations(one)).toEqual([]);

    await two.getByRole("button", { name: "Undo" }).click();
    await expect.poll(() => order(one), { timeout: 10_000 }).toEqual(wanted.slice(0, 4));
    await hers.leave();
    await his.leave();
  });

  it("says what a card lacks", async () => {
    const visitor = await Visitor.come(browser, alice);
    const page = await visitor.at("/");
    await alice.pushFrame("waves/few", [{ path: "1.svg", bytes: wave("few", 1), params: { k: 1 } }]);
    await alice.push("going", { "a.txt": "here for now" });
    await make(page, "Lacking", ["waves/one", "waves/few", "going"]);
    await page.getByText("here for now").waitFor();
    await page.getByRole("slider", { name: "k" }).press("End");
    await page.getByText("Nothing for").waitFor();
    await page.getByRole("button", { name: "Show that" }).click();
    await expect.poll(() => heights(page)).toEqual([101, 101]);

    await alice.cli("rm", "going");
    await page.getByText("removed by its author").waitFor();
    await visitor.leave();
  });
});
