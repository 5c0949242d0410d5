// The pictures of the main pages in `docs/screens`, which the README shows. `DSP_UPDATE=1` takes
// them anew; otherwise the pages have to hold what the pictures show, and the pictures be there.

import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";

import { launch, type Look, Visitor } from "./browser";
import { Daemon } from "./daemon";
import { fewColours, readPng, writePng } from "./png";

const ROOT = join(import.meta.dirname, "../..");
const KEPT = join(ROOT, "docs/screens");
/** Most bytes of a picture: all who clone the project have them. */
const MOST = 150_000;

const TABLE = readFileSync(join(ROOT, "demo/data/penguins.csv"), "utf8");
const PLOT = readFileSync(join(ROOT, "demo/data/penguins.svg"));
const COLOURS: Record<string, string> = { Adelie: "#4f46e5", Chinstrap: "#0f8f8c", Gentoo: "#c2620c" };

let browser: Browser;
let alice: Daemon;
let bob: Daemon;

beforeAll(async () => {
  [browser, alice, bob] = await Promise.all([launch(), Daemon.start("alice"), Daemon.start("bob")]);
  await alice.pushFrame("penguins/raw", [{ path: "penguins.csv", bytes: TABLE }], { message: "as the station sent it" });
  let islands = "";
  for (const [at, message] of ["first look", "without the two of unknown weight", "one figure an island"].entries()) {
    islands = await alice.pushFrame("penguins/weight", figures(), {
      message, metrics: { r2: [0.71, 0.74, 0.79][at], rmse: [412.5, 398.1, 361.7][at] }, inputs: ["penguins/raw"],
    });
  }
  await alice.call("PUT", "/tags/paper", { stack: "penguins/weight", frame: islands }).catch(() => undefined);
  await alice.pushFrame("reports/season", [
    { path: "README.md", bytes: "# The season in short\n\nGentoo weigh most; culmen and flipper tell the three apart.\n" },
    { path: "penguins.svg", bytes: PLOT },
  ], { message: "draft for Thursday", inputs: ["penguins/weight"] });
  await alice.pushFrame("models/species", [{ path: "model.onnx", bytes: readFileSync(join(import.meta.dirname, "figures/model.onnx")) }], {
    message: "trained on all three islands", metrics: { auc: 0.982, accuracy: 0.94 }, inputs: ["penguins/raw"],
  });
  const ticket = (await alice.cli("share", "--quiet", "--role", "writer").catch(() => alice.cli("share", "--quiet"))).trim();
  await bob.cli("follow", ticket, "--policy", "all");
  const theirs = (await bob.cli("share", "--quiet")).trim();
  await bob.pushFrame("surveys/transects", [{ path: "transects.csv", bytes: "day,transect,nests\n2026-11-02,A,41\n2026-11-09,A,47\n2026-11-16,B,38\n" }], {
    message: "third week, north slope",
  });
  await bob.pushFrame("surveys/photos", [{ path: "colony.svg", bytes: PLOT }], { message: "colony from the ridge" });
  await alice.cli("follow", theirs, "--policy", "all");
}, 120_000);

afterAll(async () => {
  await browser?.close();
  await Promise.all([alice?.end(), bob?.end()]);
});

/** The weights of penguins over their flippers, a figure each species and each island. */
function figures() {
  const [head = "", ...lines] = TABLE.trim().split("\n");
  const names = head.split(",");
  const rows = lines.map((line) => (line.match(/("[^"]*"|[^,]*)(,|$)/g) ?? []).map((cell) => cell.replace(/,$/, "")));
  const column = (row: string[], name: string) => row[names.indexOf(name)] ?? "";
  return ["Torgersen", "Biscoe", "Dream"].map((island) => {
    const here = rows.filter((row) => column(row, "Island") === island);
    const species = Object.keys(COLOURS).filter((one) => here.some((row) => column(row, "Species").startsWith(one)));
    const data = species.map((name) => {
      const some = here.filter((row) => column(row, "Species").startsWith(name));
      return {
        type: "scatter", mode: "markers", name, marker: { color: COLOURS[name], size: 8, opacity: 0.75 },
        x: some.map((row) => Number(column(row, "Flipper Length (mm)"))), y: some.map((row) => Number(column(row, "Body Mass (g)"))),
      };
    });
    const layout = {
      title: { text: `Penguins of ${island}` }, xaxis: { title: { text: "flipper, mm" } }, yaxis: { title: { text: "weight, g" } },
      margin: { t: 56, r: 16, b: 52, l: 64 }, height: 400,
    };
    const path = `${island.toLowerCase()}.json`;
    return { path, app: "plotly", params: { island }, text: `Weight over flipper, ${island}`, bytes: JSON.stringify({ data, layout }) };
  });
}

/** Takes a picture of a page, or checks that there is one. */
async function screen(page: Page, name: string): Promise<void> {
  const path = join(KEPT, `${name}.png`);
  if (process.env.DSP_UPDATE === "1") {
    await page.waitForFunction(() => document.querySelector(".bone") === null);
    await page.evaluate(() => document.fonts.ready.then(() => undefined));
    const taken = await page.screenshot({ animations: "disabled", caret: "hide" });
    mkdirSync(KEPT, { recursive: true });
    writeFileSync(path, writePng(fewColours(readPng(taken))));
  }
  const { width } = readPng(readFileSync(path));
  expect(width).toBe(page.viewportSize()?.width);
  expect(statSync(path).size, path).toBeLessThan(MOST);
}

/** Does something on a page that has come up. */
async function on(path: string, look: Look, does: (page: Page) => Promise<void>): Promise<void> {
  const visitor = await Visitor.come(browser, alice, look);
  const page = await visitor.at(path);
  await page.getByText(/^1 peer$/).waitFor();
  await does(page);
  await visitor.leave();
}

it("show home, with what came", () =>
  on("/", { width: 1280, scheme: "light" }, async (page) => {
    await page.getByRole("heading", { name: "Contexts" }).waitFor();
    await page.getByText("third week, north slope").waitFor();
    await page.getByText("draft for Thursday").waitFor();
    await screen(page, "home");
  }));

it("show the list of stacks", () =>
  on("/stacks", { width: 1280, scheme: "light" }, async (page) => {
    for (const name of [/penguins\/weight/, /surveys\/transects/, /models\/species/]) {
      await page.getByRole("link", { name }).first().waitFor();
    }
    await screen(page, "stacks");
  }));

it.each(["light", "dark"] as const)("show a stack with its figure and its widgets, %s", (scheme) =>
  on("/s/me/main/penguins/weight", { width: 1280, scheme }, async (page) => {
    await page.getByRole("heading", { name: "penguins/weight" }).waitFor();
    await page.getByText("Biscoe", { exact: true }).first().click();
    await page.frameLocator("iframe.figure").getByText("Penguins of Biscoe").waitFor();
    await page.getByRole("slider", { name: "Frame" }).waitFor();
    await page.mouse.move(0, 0);
    await screen(page, `stack-${scheme}`);
  }));

it.each(["light", "dark"] as const)("show a dashboard, %s", async (scheme) => {
  board ??= await makeBoard();
  await on(`/d/${board}`, { width: 1280, scheme }, async (page) => {
    await page.getByRole("heading", { name: "Penguins this season" }).waitFor();
    await page.getByText("0.79", { exact: true }).waitFor();
    await page.getByRole("cell", { name: "Torgersen" }).first().waitFor();
    await page.frameLocator("iframe.figure").getByText(/^Penguins of (Torgersen|Biscoe|Dream)$/).waitFor();
    await page.mouse.move(0, 0);
    await screen(page, `dashboard-${scheme}`);
  });
});

let board: string | undefined;

/** Makes a dashboard of stacks of both, and returns its id. */
async function makeBoard(): Promise<string> {
  const card = (kind: string, ref: string, title: string, span: number, more: Record<string, unknown>) =>
    ({ op: "add_card", kind, ref, title, span, ...more });
  const made = await alice.call<{ board: { info: { id: string } } }>("POST", "/boards", {
    title: "Penguins this season",
    ops: [
      { op: "set_description", text: "Weights by island, and what the model makes of them." },
      { op: "set_tabs", tabs: ["Season", "Reports"] },
      card("metric", "penguins/weight", "r²", 3, { text: "r2", height: "s" }),
      card("metric", "penguins/weight", "rmse, g", 3, { text: "rmse", height: "s" }),
      card("metric", "models/species", "auc", 3, { text: "auc", height: "s" }),
      card("metric", "models/species", "accuracy", 3, { text: "accuracy", height: "s" }),
      card("stack", "penguins/weight", "Weight over flipper", 7, { height: "l" }),
      card("stack", "penguins/raw", "As the station sent it", 5, { height: "l" }),
      card("stack", "reports/season", "The season in short", 12, { height: "m", tab: "Reports" }),
    ],
  });
  return made.board.info.id;
}

it("show the peers", () =>
  on("/peers", { width: 1280, scheme: "light" }, async (page) => {
    await page.getByRole("link", { name: /bob/ }).first().waitFor();
    await screen(page, "peers");
  }));
