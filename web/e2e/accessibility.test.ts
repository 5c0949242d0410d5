// What people who see, hear or move otherwise meet on each page: axe finds nothing wrong with it, and nothing of it
// is wider than the window.

import { type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { PAGES } from "../src/addresses";
import { VIEWS } from "../src/ref";
import { type Look, launch, violations, Visitor } from "./browser";
import { Daemon } from "./daemon";
import { png } from "./fixtures";

const SECTIONS = ["identity", "tokens", "network", "storage", "notifications", "appearance", "about", "nothing"];

let browser: Browser;
let alice: Daemon;

beforeAll(async () => {
  [browser, alice] = await Promise.all([launch(), Daemon.start("alice")]);
});

afterAll(async () => {
  await browser?.close();
  await alice?.end();
});

/** Windows of these widths, light and dark. */
function looks(...widths: number[]): Look[] {
  return widths.flatMap((width): Look[] => [{ width, scheme: "light" }, { width, scheme: "dark" }]);
}

async function isFine(page: Page, what: string): Promise<void> {
  expect(await violations(page), what).toEqual([]);
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(wider, `${what} is wider than its window`).toBeLessThanOrEqual(0);
}

describe("every page", () => {
  beforeAll(async () => {
    await alice.push("every/table", { "rows.csv": "week,sum\n1,10\n2,30\n" }, "-m", "two weeks");
    await alice.push("every/picture", { "plot.png": png(40, 30) });
    await alice.push("every/text", { "README.md": "# Of all\n\n**bold**\n", "a.json": "{\"a\": 1}" });
  });

  it.each(looks(390, 1280))("can be used by everybody, $width wide and $scheme", async (look) => {
    const visitor = await Visitor.come(browser, alice, look);
    const user = (await alice.cli("id", "show", "--json")).match(/"user":\s*"([0-9a-f]{64})"/)?.[1] ?? "me";
    const stacks = [
      "every/table", "every/picture", "every/text", "every/text?file=a.json", "not/there",
      ...VIEWS.map((view) => `every/table?view=${view}`),
    ];
    const addresses = PAGES.flatMap((path) => {
      if (path === "*") return ["/nobody/nothing"];
      if (path === "/s/:rest+") return stacks.map((stack) => `/s/${user}/main/${stack}`);
      if (path === "/c/:context") return ["", "members", "sync", "about"].map((view) => `/c/main?view=${view}`);
      if (path.startsWith("/d/:id")) return [path.replace(":id", "0123456789")];
      if (path === "/search") return ["/search", "/search?q=rows", "/search?q=nothing-that-is-here"];
      if (path === "/peers/:user") return ["/peers/me", "/peers/nobody"];
      if (path === "/settings/:section") return SECTIONS.map((section) => `/settings/${section}`);
      return [path];
    });
    for (const address of addresses) {
      const page = await visitor.at(address);
      await page.getByRole("heading").first().waitFor();
      await page.locator(".bone").waitFor({ state: "detached" }).catch(() => undefined);
      await isFine(page, `${address} at ${look.width} in ${look.scheme}`);
      await page.close();
    }
    visitor.forgive(/(not\/there|peers\/nobody|d\/0123456789(\/\w+)?): .* 40[04]/);
    await visitor.leave();
  }, 480_000);
});

describe("every dashboard", () => {
  let path: string;

  beforeAll(async () => {
    const wave = (height: number) => `<svg xmlns="http://www.w3.org/2000/svg" width="300" height="${height}"><title>a wave</title></svg>`;
    const files = [1, 2].map((k) => ({ path: `${k}.svg`, bytes: wave(100 + k), params: { k } }));
    await alice.pushFrame("drawn/wave", files);
    await alice.push("drawn/table", { "weekly.csv": "week,sum\n1,10\n2,30\n" }, "--metric", "total=40");
    const made = await alice.cli("--json", "dashboards", "new", "For all", "drawn/wave", "drawn/table");
    path = `/d/${(JSON.parse(made) as { info: { id: string } }).info.id}`;
  });

  it.each(looks(390, 768, 1280, 1920))("can be used by everybody, $width wide and $scheme", async (look) => {
    const visitor = await Visitor.come(browser, alice, look);
    const page = await visitor.at(path);
    const height = () => page.locator(".board img").evaluate((img) => (img as HTMLImageElement).naturalHeight);
    await expect.poll(height).toBe(101);
    await isFine(page, "the dashboard");
    await page.getByRole("link", { name: "Edit" }).click();
    await page.getByRole("toolbar").first().waitFor();
    await isFine(page, "the dashboard that is edited");
    await page.getByRole("button", { name: /^Edit .*wave$/ }).click();
    await page.getByRole("dialog").waitFor();
    expect(await violations(page), "the dialog of a card").toEqual([]);

    await page.goto(`${alice.address}${path}/history`);
    await page.getByRole("dialog", { name: "History" }).getByRole("listitem").first().waitFor();
    await isFine(page, "its history");
    await page.goto(`${alice.address}${path}/print`);
    await expect.poll(height).toBe(101);
    await isFine(page, "the dashboard on paper");
    await page.goto(`${alice.address}${path}`);
    await page.getByRole("button", { name: "Show wave alone" }).click();
    await page.getByRole("dialog", { name: "wave" }).getByRole("img").waitFor();
    await isFine(page, "a card alone");
    await visitor.leave();
  });
});
