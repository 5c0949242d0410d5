// Pages that have an address of their own: they come up by it, say so while they are on their way, and the way back leads
// to where one was.

import { type Browser, type Page, type Route } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { launch, violations, Visitor } from "./browser";
import { Daemon } from "./daemon";
import { png } from "./fixtures";

let browser: Browser;
let alice: Daemon;

beforeAll(async () => {
  [browser, alice] = await Promise.all([launch(), Daemon.start("alice")]);
  await alice.push("sales/weekly", { "rows.csv": "week,turnover\n1,10\n2,30\n" }, "-m", "two weeks");
  await alice.push("sales/weekly", { "rows.csv": "week,turnover\n1,10\n2,30\n3,20\n" }, "-m", "three weeks");
  await alice.push("plots/one", { "plot.png": png(40, 30) }, "-m", "a picture of turnover");
});

afterAll(async () => {
  await browser?.close();
  await alice?.end();
});

async function isFine(page: Page, what: string): Promise<void> {
  expect(await violations(page), what).toEqual([]);
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(wider, `${what} is wider than its window`).toBeLessThanOrEqual(0);
}

describe("a page whose code is on its way", () => {
  it.each([390, 1280])("has its heading and lines that stand for the rest, %i wide", async (width) => {
    const visitor = await Visitor.come(browser, alice, { width, scheme: "light" });
    const waiting: Route[] = [];
    let held = true;
    // The files of pages are called after them; those that the document names itself come at once.
    await visitor.context.route(/\/assets\/(stack|peers|dashboard|old-page)-[^/]+\.js$/, async (route) => {
      if (held) waiting.push(route);
      else await route.continue();
    });
    const addresses: [path: string, name: string][] = [
      ["/s/me/main/sales/weekly", "sales/weekly"], ["/peers", "Peers"], ["/d/0123456789", "Dashboard"], ["/nobody/nothing", "nothing"],
    ];
    const pages = [];
    for (const [path, name] of addresses) {
      const page = await visitor.at(path);
      await page.getByRole("heading", { level: 1, name, exact: true }).waitFor();
      const busy = page.locator("main > .page[aria-busy=true]");
      await busy.getByRole("status", { name: "Loading" }).waitFor();
      await isFine(page, `${path} on its way`);
      pages.push(page);
    }
    held = false;
    for (const route of waiting.splice(0)) await route.continue();
    await pages[0]?.getByRole("cell", { name: "20" }).waitFor();
    await pages[1]?.getByRole("heading", { name: "People" }).waitFor();
    await pages[2]?.getByRole("heading", { name: "This dashboard is not here" }).waitFor();
    visitor.forgive(/(d\/0123456789|nobody\/nothing): .* 40[04]/);
    await visitor.leave();
  });

  it("says that it does not come, and how to try again", async () => {
    const visitor = await Visitor.come(browser, alice);
    await visitor.context.route(/\/assets\/peers-[^/]+\.js$/, (route) => route.abort());
    const page = await visitor.at("/peers");
    await page.getByRole("alert").getByText("did not come").waitFor();
    await isFine(page, "a page that does not come");
    await visitor.context.unrouteAll();
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByRole("heading", { name: "People" }).waitFor();
    visitor.forgive(/ERR_FAILED/);
    await visitor.leave();
  });

  it("is asked for before one goes there", async () => {
    const visitor = await Visitor.come(browser, alice);
    const asked: string[] = [];
    visitor.context.on("request", (request) => asked.push(request.url()));
    const page = await visitor.at("/");
    await page.getByRole("heading", { name: "Contexts" }).waitFor();
    await expect.poll(() => asked.some((url) => /\/assets\/stack-[^/]+\.js$/.test(url))).toBe(true);
    await visitor.leave();
  });
});

describe("the activity", () => {
  it("tells of every frame by day, is narrowed, and says what is new", async () => {
    const visitor = await Visitor.come(browser, alice);
    const page = await visitor.at("/activity");
    await page.getByRole("heading", { name: "Today" }).waitFor();
    await page.getByRole("link", { name: /sales\/weekly.*two weeks.*frame 1/ }).waitFor();
    await page.getByRole("link", { name: /sales\/weekly.*three weeks.*frame 2/ }).waitFor();

    await alice.push("plots/two", { "plot.png": png(30, 20) }, "-m", "it came later");
    await page.getByRole("button", { name: "1 new" }).click();
    await page.getByRole("link", { name: /plots\/two.*it came later/ }).waitFor();

    await page.getByRole("combobox", { name: "Whose" }).selectOption("others");
    await page.getByRole("heading", { name: "Nothing of this kind happened" }).waitFor();
    expect(new URL(page.url()).searchParams.get("whose")).toBe("others");
    await isFine(page, "the activity of nobody");
    await page.reload();
    await page.getByRole("heading", { name: "Nothing of this kind happened" }).waitFor();
    await page.getByRole("combobox", { name: "Whose" }).selectOption("mine");
    await page.getByRole("combobox", { name: "Type" }).selectOption("frame");
    await page.getByRole("link", { name: /sales\/weekly.*two weeks/ }).click();
    // An older frame is shown as it was.
    await page.getByRole("cell", { name: "30" }).waitFor();
    await expect.poll(() => page.getByRole("cell", { name: "20" }).count()).toBe(0);
    await visitor.leave();
  });
});

describe("the search", () => {
  it("finds stacks, columns, dashboards, comments and peers", async () => {
    await alice.cli("dashboards", "new", "Turnover at a glance", "sales/weekly");
    await alice.call("POST", "/comments", { ref: "plots/one", text: "The turnover of June is missing." });
    const visitor = await Visitor.come(browser, alice);
    const page = await visitor.at("/");
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("turnover");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Search", level: 1 }).waitFor();
    const part = (name: string) => page.getByRole("region", { name, exact: true });
    await part("Stacks").getByRole("link", { name: /plots\/one/ }).waitFor();
    await part("Columns").getByRole("link", { name: /turnover.*rows\.csv/ }).waitFor();
    await part("Dashboards").getByRole("link", { name: /Turnover at a glance/ }).waitFor();
    await part("Comments").getByRole("link", { name: /June is missing/ }).waitFor();
    await isFine(page, "what is found");
    await part("Comments").getByRole("link").click();
    await page.getByText("The turnover of June is missing.").waitFor();
    await page.goBack();
    await part("Columns").getByRole("link").first().waitFor();

    await page.getByRole("searchbox", { name: "Search everything" }).fill("nowhere at all");
    await page.getByRole("heading", { name: "Nothing is found" }).waitFor();
    await visitor.leave();
  });
});

describe("who is new", () => {
  it("is led through three steps, the second of which ticks when the first frame comes", async () => {
    const carol = await Daemon.start("carol");
    try {
      const visitor = await Visitor.come(browser, carol);
      const page = await visitor.at("/");
      await page.getByRole("link", { name: "One by one" }).click();
      await page.getByRole("heading", { name: "Welcome, carol" }).waitFor();
      for (const way of ["R", "Command line", "Python"]) await page.getByRole("tab", { name: way, exact: true }).click();
      await page.getByText("dsp.push_frame").waitFor();
      await isFine(page, "the first steps");

      await carol.push("first/table", { "a.csv": "a\n1\n" });

      await page.getByRole("link", { name: "first/table" }).waitFor();
      await page.getByRole("link", { name: "Invite somebody" }).click();
      await page.getByRole("heading", { name: "Invite somebody", level: 1 }).waitFor();
      await page.getByRole("button", { name: "Make the invitation" }).click();
      await page.getByText(/^dsp follow /).waitFor();
      await isFine(page, "an invitation on its page");
      await page.goBack();
      await page.getByRole("heading", { name: "Welcome, carol" }).waitFor();
      await visitor.leave();
    } finally {
      await carol.end();
    }
  });
});

describe("settings", () => {
  it("have an address for each section", async () => {
    const visitor = await Visitor.come(browser, alice);
    const page = await visitor.at("/settings/tokens");
    const current = page.getByRole("navigation", { name: "Settings" }).locator("[aria-current=page]");
    await expect.poll(() => current.textContent()).toBe("Tokens and browsers");
    await page.getByRole("link", { name: "Storage" }).click();
    await expect.poll(() => current.textContent()).toBe("Storage");
    await page.goBack();
    await expect.poll(() => current.textContent()).toBe("Tokens and browsers");
    await page.reload();
    await expect.poll(() => current.textContent()).toBe("Tokens and browsers");
    // The address that it had before.
    await page.goto(`${alice.address}/settings/access`);
    await expect.poll(() => current.textContent()).toBe("Tokens and browsers");
    await visitor.leave();
  });
});
