import { type Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { launch, violations, Visitor } from "./browser";
import { Daemon } from "./daemon";
import { png } from "./fixtures";

let browser: Browser;
let alice: Daemon;

beforeAll(async () => {
  [browser, alice] = await Promise.all([launch(), Daemon.start("alice")]);
});

afterAll(async () => {
  await browser?.close();
  await alice?.end();
});

describe("the first minutes", () => {
  it("show how to push, and the first frame as soon as it is there", async () => {
    const visitor = await Visitor.come(browser, alice);
    const page = await visitor.at("/");
    await page.getByRole("heading", { name: "Push your first frame" }).waitFor();
    await page.getByRole("tab", { name: "Command line" }).click();
    await page.getByText("dsp push first/table").waitFor();

    await alice.push("sales/weekly", { "rows.csv": "week,sum\n1,10\n2,30\n" }, "-m", "two weeks");

    const line = page.getByRole("link", { name: /sales\/weekly/ });
    await line.waitFor();
    await line.click();
    await page.getByRole("heading", { name: "sales/weekly" }).waitFor();
    await page.getByRole("cell", { name: "30" }).waitFor();
    await visitor.leave();
  });
});

describe("the name", () => {
  it("is agreed to, or chosen while nothing is pushed", async () => {
    const fresh = await Daemon.start("fresh", { DSP_USER_NAME: undefined });
    try {
      const visitor = await Visitor.come(browser, fresh);
      const page = await visitor.at("/");
      const step = page.getByRole("listitem").filter({ has: page.getByRole("heading", { name: /^You are .+, on / }) });
      await step.getByText("To do:").waitFor();
      await step.getByRole("textbox", { name: "Another name" }).fill("Carol O'Hara");
      await step.getByText("dsp config set user.name 'Carol O'\\''Hara'").waitFor();
      expect(await violations(page)).toEqual([]);
      await step.getByRole("button", { name: "That is right" }).click();
      await step.getByText("Done:").waitFor();
      await page.goto(`${fresh.address}/welcome`);
      await step.getByText("Done:").waitFor();
      expect(await violations(page)).toEqual([]);
      await visitor.leave();

      // What the page says does what it promises, and whose name was chosen is asked for none.
      await fresh.cli("reset");
      await fresh.cli("config", "set", "user.name", "Carol O'Hara");
      await fresh.resume();
      const again = await Visitor.come(browser, fresh);
      const anew = await again.at("/");
      await anew.getByRole("listitem").filter({ hasText: "You are Carol O'Hara, on" }).getByText("Done:").waitFor();
      await again.leave();
    } finally {
      await fresh.end();
    }
  });
});

describe("a stack", () => {
  it("shows what is in it", async () => {
    await alice.push("plots/one", { "plot.png": png(40, 30) }, "-m", "a picture");
    await alice.push("notes", { "README.md": "# Of all\n\n<script>alert(1)</script> [go](javascript:alert(1)) **bold**\n" });
    const visitor = await Visitor.come(browser, alice);
    const page = await visitor.at("/stacks");

    await page.getByRole("link", { name: /plots\/one/ }).click();
    const picture = page.getByRole("img", { name: "plot.png" });
    await picture.waitFor();
    await expect.poll(() => picture.evaluate((img) => (img as HTMLImageElement).naturalWidth)).toBe(40);

    await page.goto(`${alice.address}/stacks`);
    await page.getByRole("link", { name: /notes/ }).click();
    await page.getByRole("heading", { name: "Of all" }).waitFor();
    expect(await page.locator(".prose script, .prose a[href^=javascript]").count()).toBe(0);
    await visitor.leave();
  });

  it("moves to the head by itself, and keeps what one looks at", async () => {
    await alice.push("moving", { "a.txt": "first words" }, "-m", "first");
    const visitor = await Visitor.come(browser, alice);
    const page = await visitor.at("/stacks?q=moving");
    await page.getByRole("link", { name: /moving/ }).click();
    await page.getByText("first words").waitFor();

    await alice.push("moving", { "a.txt": "second words" }, "-m", "second");

    await page.getByText("second words").waitFor();
    await page.getByRole("link", { name: "History" }).click();
    await page.getByRole("link", { name: /first/ }).click();
    await page.getByText("first words").waitFor();
    await alice.push("moving", { "a.txt": "third words" }, "-m", "third");
    await page.getByRole("link", { name: "1 newer frame: show the head" }).waitFor();
    await page.getByText("first words").waitFor();
    await visitor.leave();
  });

  it("shows a table of a million rows where one scrolls to", async () => {
    const rows = Array.from({ length: 1_000_000 }, (_, row) => `${row},${(row * 7) % 1000}`);
    await alice.push("large", { "large.csv": `id,value\n${rows.join("\n")}\n` });
    const visitor = await Visitor.come(browser, alice);
    const page = await visitor.at("/stacks?q=large");
    await page.getByRole("link", { name: /large/ }).click();
    const table = page.getByRole("table", { name: "1,000,000 rows of 2 columns" });
    await table.getByRole("cell", { name: "7", exact: true }).first().waitFor();

    await table.evaluate((element) => element.scrollTo(0, element.scrollHeight));
    await table.getByRole("cell", { name: "999999", exact: true }).waitFor();
    await table.evaluate((element) => element.scrollTo(0, element.scrollHeight / 2));
    await expect.poll(() => table.getByRole("rowheader").first().innerText()).toMatch(/^\d{3},\d{3}$/);

    await table.evaluate((element) => element.scrollTo(0, 0));
    await table.getByRole("button", { name: /^value/ }).click();
    await table.getByRole("columnheader", { name: /value/ }).and(page.locator("[aria-sort=ascending]")).waitFor();
    await expect.poll(() => table.getByRole("cell").nth(2).innerText()).toBe("1000");

    // Conditions, which columns are shown, what is in them, and a cell as text.
    await table.locator(".sum svg").first().waitFor();
    await page.getByRole("button", { name: "+ Filter" }).click();
    await page.getByRole("combobox", { name: "Column" }).selectOption("value");
    await page.getByRole("combobox", { name: "Condition" }).selectOption(">=");
    await page.getByRole("spinbutton", { name: "Value" }).fill("998");
    await page.getByRole("button", { name: "Add" }).click();
    await page.getByText("2,000 rows of 1,000,000 fit").waitFor();
    const fitting = page.getByRole("table", { name: "2,000 rows of 2 columns" });
    await fitting.getByRole("cell", { name: "998" }).first().click();
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.keyboard.press("ControlOrMeta+c");
    await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe("998");
    expect(await violations(page)).toEqual([]);
    await page.getByText("Columns", { exact: true }).click();
    await page.getByRole("checkbox", { name: /^id/ }).uncheck();
    await page.getByRole("table", { name: "2,000 rows of 1 column" }).waitFor();
    await page.getByRole("button", { name: /^Take away: value/ }).click();
    await page.getByRole("table", { name: "1,000,000 rows of 1 column" }).waitFor();
    await visitor.leave();
  });
});

describe("the connection", () => {
  it("is one of the browser, so that many pages do not wait for each other", async () => {
    const visitor = await Visitor.come(browser, alice);
    const pages = [];
    for (let page = 0; page < 9; page += 1) pages.push(await visitor.at("/stacks"));
    await Promise.all(pages.map((page) => page.getByText(/^\d+ peers?$/).waitFor()));

    await alice.push("seen/by-all", { "a.txt": "x" });

    await Promise.all(pages.map((page) => page.getByRole("link", { name: /seen\/by-all/ }).waitFor()));
    // The page that listens for all goes; another one takes its place.
    await pages[0]?.close();
    await alice.push("seen/by-the-rest", { "a.txt": "x" });
    await Promise.all(pages.slice(1).map((page) => page.getByRole("link", { name: /seen\/by-the-rest/ }).waitFor()));
    await visitor.leave();
  });

  it("comes back, and with it what was missed", async () => {
    const visitor = await Visitor.come(browser, alice);
    const page = await visitor.at("/stacks");
    await page.getByText(/^\d+ peers?$/).waitFor();

    await alice.pause();
    await page.getByText("The daemon does not answer.").waitFor();
    await page.getByRole("link", { name: /sales\/weekly/ }).waitFor();
    await alice.resume();

    await page.getByText("The daemon does not answer.").waitFor({ state: "detached" });
    await alice.push("after/all", { "a.txt": "x" });
    await page.getByRole("link", { name: /after\/all/ }).waitFor();
    await visitor.leave();
  });
});
