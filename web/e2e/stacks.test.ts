import { type Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { launch, violations, Visitor } from "./browser";
import { Daemon } from "./daemon";
import { png } from "./fixtures";

/** Stacks that are no more than names. */
const MANY = 1000;

let browser: Browser;
let alice: Daemon;

beforeAll(async () => {
  [browser, alice] = await Promise.all([launch(), Daemon.start("alice")]);
  const numbers = Array.from({ length: MANY }, (_, number) => number);
  const next = async () => {
    for (let number = numbers.shift(); number !== undefined; number = numbers.shift()) {
      await alice.pushFrame(`many/s${String(number).padStart(4, "0")}`, [{ path: "a.txt", bytes: `text ${number}` }]);
    }
  };
  await Promise.all(Array.from({ length: 8 }, next));
  await alice.pushFrame("plots/waves", [{ path: "waves.png", bytes: png(60, 40) }], { message: "waves of the sea" });
  const table = { path: "rows.csv", bytes: "week,gross_margin\n1,10\n", media: "text/csv" };
  await alice.pushFrame("sales/weekly", [table], { metrics: { auc: 0.95 }, tags: ["v1"], message: "first" });
  await alice.pushFrame("sales/weekly", [{ ...table, bytes: "week,gross_margin\n1,11\n" }], {
    metrics: { auc: 0.5 }, params: { region: "EU" }, message: "second",
  });
}, 240_000);

afterAll(async () => {
  await browser?.close();
  await alice?.end();
});

describe("the list of stacks", () => {
  it("draws what is in sight of a thousand, and moves by keys", async () => {
    const visitor = await Visitor.come(browser, alice);
    const page = await visitor.at("/stacks");
    await page.getByRole("link", { name: /sales\/weekly/ }).waitFor();
    await page.getByText((MANY + 2).toLocaleString("en"), { exact: true }).waitFor();
    await expect.poll(() => page.locator(".stack-list > li").count()).toBeLessThan(60);

    await page.keyboard.press("/");
    await page.keyboard.type("many");
    await page.getByText(`1,000 of ${(MANY + 2).toLocaleString("en")}`).waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("End");
    await expect.poll(() => page.evaluate(() => document.activeElement?.closest("li")?.getAttribute("aria-posinset"))).toBe("1000");
    const last = await page.evaluate(() => document.activeElement?.querySelector(".name")?.textContent ?? "");
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: last }).waitFor();
    await page.goBack();
    await expect.poll(() => page.url()).toMatch(/\/stacks\?q=many$/);
    await visitor.leave();
  });

  it("is scrolled from end to end without long pauses", async () => {
    const visitor = await Visitor.come(browser, alice);
    const page = await visitor.at("/stacks?sort=name");
    await page.getByRole("link", { name: /many\/s0000/ }).waitFor();
    const longest = await page.evaluate(async () => {
      let longest = 0;
      let last = performance.now();
      for (let step = 0; step <= 60; step += 1) {
        scrollTo(0, (document.documentElement.scrollHeight * step) / 60);
        await new Promise((resolve) => requestAnimationFrame(resolve));
        const now = performance.now();
        longest = Math.max(longest, now - last);
        last = now;
      }
      return longest;
    });
    await page.getByRole("link", { name: /sales\/weekly/ }).waitFor();
    expect(longest).toBeLessThan(500);
    await visitor.leave();
  });

  it("finds by text, tag, type, metric, parameter and column, and keeps it in the address", async () => {
    const visitor = await Visitor.come(browser, alice);
    const page = await visitor.at("/stacks");
    const lines = page.locator(".stack-list .name");
    const search = page.getByRole("searchbox", { name: "Search stacks" });

    await search.fill("waves of");
    await expect.poll(() => lines.allInnerTexts()).toEqual(["plots/waves"]);
    await expect.poll(() => page.locator(".thumb img").evaluate((img) => (img as HTMLImageElement).naturalWidth)).toBe(60);
    await search.fill("gross_margin");
    await expect.poll(() => lines.allInnerTexts()).toEqual(["sales/weekly"]);
    await search.fill("param:region=EU");
    await expect.poll(() => lines.allInnerTexts()).toEqual(["sales/weekly"]);
    await search.fill("");

    await page.getByRole("combobox", { name: "Type" }).selectOption("picture");
    await expect.poll(() => lines.allInnerTexts()).toEqual(["plots/waves"]);
    expect(page.url()).toContain("type=picture");
    await page.getByRole("combobox", { name: "Type" }).selectOption("table");
    await page.getByRole("combobox", { name: "Tag" }).selectOption("v1");
    await expect.poll(() => lines.allInnerTexts()).toEqual(["sales/weekly"]);
    await page.getByRole("textbox", { name: "Metric" }).fill("auc>0.9");
    // Found in an older frame: the link leads there.
    const found = page.getByRole("link", { name: /sales\/weekly/ });
    await expect.poll(() => found.getAttribute("href")).toMatch(/@[0-9a-f]{64}$/);
    const address = page.url();
    expect(await violations(page)).toEqual([]);

    await page.goto(address);
    await expect.poll(() => lines.allInnerTexts()).toEqual(["sales/weekly"]);
    await page.getByRole("textbox", { name: "Metric" }).fill("auc>2");
    await page.getByRole("heading", { name: "Nothing fits" }).waitFor();
    expect(await violations(page)).toEqual([]);
    await page.getByRole("button", { name: "Show all stacks" }).click();
    await expect.poll(() => lines.count()).toBeGreaterThan(5);
    expect(new URL(page.url()).search).toBe("");
    await visitor.leave();
  });

  it("asks again while the daemon looks at tables, and says nothing is there only then", async () => {
    const visitor = await Visitor.come(browser, alice);
    for (const [path, shows] of [["/stacks?q=gross_margin", ".stack-list .name"], ["/search?q=gross_margin", ".found-stacks a"]] as const) {
      const page = await visitor.page();
      let times = 0;
      // As it answers under load: what it has not looked at yet may be found in a moment.
      await page.route("**/api/v1/search?*", async (route) => {
        times += 1;
        if (times > 2) return route.continue();
        const note = `${3 - times} tables are being looked at for their columns; search again`;
        return route.fulfill({ json: { items: [], note } });
      });
      await page.goto(alice.address + path);
      await expect.poll(() => page.locator(shows).allInnerTexts()).toEqual([expect.stringContaining("sales/weekly")]);
      expect(times).toBeGreaterThan(2);
      await page.close();
    }
    await visitor.leave();
  });

  it("says what is wrong with what is looked for", async () => {
    const visitor = await Visitor.come(browser, alice);
    const page = await visitor.at("/stacks?metric=auc%3Ehigh");
    await page.getByText("`high` is no number").waitFor();
    visitor.forgive(/400/);
    await visitor.leave();
  });

  it("does not move under who reads it, and says what is new", async () => {
    const visitor = await Visitor.come(browser, alice);
    const page = await visitor.at("/stacks");
    await page.getByRole("link", { name: /sales\/weekly/ }).waitFor();
    await page.evaluate(() => scrollTo(0, 20_000));
    await expect.poll(() => page.locator(".stack-list > li").first().getAttribute("aria-posinset")).toMatch(/^[23]\d\d$/);
    const seen = () => page.locator(".stack-list > li").nth(20).locator(".name").innerText();
    const before = await seen();

    await alice.pushFrame("new/one", [{ path: "a.txt", bytes: "new" }]);

    const pill = page.getByRole("button", { name: "1 new: show" });
    await pill.waitFor();
    expect(await seen()).toBe(before);
    await pill.click();
    await page.getByRole("link", { name: /new\/one/ }).waitFor();
    await visitor.leave();
  });
});
