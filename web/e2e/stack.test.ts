import { execFileSync } from "node:child_process";

import { type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { launch, violations, Visitor } from "./browser";
import { Daemon } from "./daemon";
import { png } from "./fixtures";

let browser: Browser;
let alice: Daemon;
let bob: Daemon;
let user: string;
let frames: string[];

const weekly = (week: number) => ({
  path: "rows.csv",
  media: "text/csv",
  bytes: `id,sum\n${Array.from({ length: week + 2 }, (_, row) => `${row},${row * week}`).join("\n")}\n`,
});

beforeAll(async () => {
  [browser, alice, bob] = await Promise.all([launch(), Daemon.start("alice"), Daemon.start("bob")]);
  user = await alice.user();
  await alice.pushFrame("raw/orders", [{ path: "orders.txt", bytes: "orders" }], { message: "what the shop says" });
  frames = [];
  for (let week = 1; week <= 4; week += 1) {
    const files = [weekly(week), { path: "plot.png", bytes: png(40 + week, 30) }, { path: "notes.txt", bytes: `kept\nweek ${week}\n` }];
    frames.push(
      await alice.pushFrame("sales/weekly", files, {
        message: `week ${week}`, metrics: { auc: 0.5 + week / 10 }, params: { weeks: week }, inputs: ["raw/orders"],
        settings: { client: { client: "dsp-py", version: "0.1.0" }, libraries: { pandas: "2.2.3" } },
      }),
    );
  }
  await alice.pushFrame("models/net", [{ path: "a.txt", bytes: "net" }], { inputs: ["sales/weekly"], message: "trained" });
}, 90_000);

afterAll(async () => {
  await browser?.close();
  await Promise.all([alice?.end(), bob?.end()]);
});

const at = (rest: string) => `/s/${user}/main/${rest}`;
const clean = async (page: Page) => expect(await violations(page), page.url()).toEqual([]);

describe("the history of a stack", () => {
  it("is walked along with a slider, by keys, to the head that lives", async () => {
    const visitor = await Visitor.come(browser, alice);
    const page = await visitor.at(at("sales/weekly?file=notes.txt"));
    await page.getByText("week 4", { exact: true }).first().waitFor();
    const slider = page.getByRole("slider", { name: "Frame" });
    await expect.poll(() => slider.getAttribute("aria-valuetext")).toBe("frame 4 of 4, live: week 4");
    await slider.focus();
    await page.keyboard.press("ArrowLeft");
    await page.locator("pre").getByText("week 3").waitFor();
    expect(page.url()).toContain(`@${frames[2]}`);
    expect(page.url()).toContain("file=notes.txt");
    await page.locator("#main").focus();
    await page.keyboard.press("ArrowLeft");
    await page.locator("pre").getByText("week 2").waitFor();
    await page.getByRole("link", { name: /2 newer frames/ }).waitFor();
    await clean(page);
    await page.getByRole("button", { name: "Live" }).click();
    await page.locator("pre").getByText("week 4").waitFor();
    expect(page.url()).not.toContain("@");
    const about = page.getByLabel("About this frame");
    await about.getByText("dsp-py 0.1.0").waitFor();
    await about.getByText("2.2.3").waitFor();
    await visitor.leave();
  });

  it("shows metrics as pictures and as a table", async () => {
    const visitor = await Visitor.come(browser, alice);
    const page = await visitor.at(at("sales/weekly?view=history"));
    await page.getByRole("link", { name: /^auc, 4 values from 0.6 to 0.9/ }).waitFor();
    await page.getByText("Metrics as a table").click();
    const table = page.getByRole("region", { name: "Metrics as a table" }).getByRole("row");
    await expect.poll(() => table.count()).toBe(5);
    await expect.poll(() => table.nth(1).innerText()).toMatch(/0\.6$/);
    await clean(page);
    await visitor.leave();
  });

  it("compares two frames: parameters, metrics, text, tables and pictures", async () => {
    const visitor = await Visitor.come(browser, alice);
    const page = await visitor.at(at("sales/weekly?view=history"));
    const picks = page.getByRole("checkbox", { name: /^Compare / });
    await picks.nth(0).check();
    await picks.nth(2).check();
    await page.getByRole("button", { name: "Compare the two" }).click();
    await expect.poll(() => page.url()).toContain(`/diff/${frames[1]}..${frames[3]}`);

    await page.getByRole("region", { name: "Parameters" }).getByRole("row", { name: "weeks 2 4" }).waitFor();
    await page.getByRole("region", { name: "Metrics" }).getByText("▲ +0.2").waitFor();
    await page.locator(".unified .minus").getByText("week 2").waitFor();
    await page.locator(".unified .plus").getByText("week 4").waitFor();
    await page.getByText("4 → 6 rows").waitFor();
    await page.getByText("2 came").waitFor();
    const after = page.getByRole("img", { name: "plot.png after" });
    await expect.poll(() => after.evaluate((img) => (img as HTMLImageElement).naturalWidth)).toBe(44);
    await page.getByRole("slider", { name: "How much of the picture after is shown" }).fill("20");
    await expect.poll(() => page.locator(".two .after").evaluate((one) => getComputedStyle(one).clipPath)).toContain("80%");
    await page.getByText("Onion skin").click();
    await expect.poll(() => page.locator(".two .after").evaluate((one) => getComputedStyle(one).opacity)).toBe("0.2");
    await clean(page);
    await page.getByRole("button", { name: "Swap the two frames" }).click();
    await expect.poll(() => page.url()).toContain(`/diff/${frames[3]}..${frames[1]}`);
    await visitor.leave();
  });

  it("does not move under who reads an older frame", async () => {
    await alice.pushFrame("read/slowly", [{ path: "a.txt", bytes: "first words" }], { message: "first" });
    const older = await alice.pushFrame("read/slowly", [{ path: "a.txt", bytes: "second words" }], { message: "second" });
    const visitor = await Visitor.come(browser, alice);
    const page = await visitor.at(at(`read/slowly@${older}`));
    await page.getByText("second words").waitFor();
    await alice.pushFrame("read/slowly", [{ path: "a.txt", bytes: "third words" }], { message: "third" });
    const pill = page.getByRole("link", { name: "1 newer frame: show the head" });
    await pill.waitFor();
    await page.getByText("second words").waitFor();
    await pill.click();
    await page.getByText("third words").waitFor();
    await visitor.leave();
  });
});

describe("the lineage of a frame", () => {
  it("is a picture and a list, with inputs and outputs", async () => {
    const visitor = await Visitor.come(browser, alice);
    const page = await visitor.at(at("sales/weekly?view=lineage"));
    await page.getByRole("heading", { name: "Used for" }).waitFor();
    await expect.poll(() => page.locator(".lineage .knot").count()).toBe(3);
    await expect.poll(() => page.locator(".lineage .arrow").count()).toBe(2);
    const left = (name: string) => page.locator(".lineage .knot", { hasText: name }).evaluate((one) => one.getBoundingClientRect().left);
    expect(await left("raw/orders")).toBeLessThan(await left("sales/weekly"));
    expect(await left("sales/weekly")).toBeLessThan(await left("models/net"));
    await clean(page);
    // A press on the picture says what it is, beside it.
    await page.locator(".lineage .knot", { hasText: "models/net" }).click();
    const about = page.getByRole("complementary", { name: "About models/net" });
    await about.getByText("trained").waitFor();
    await clean(page);
    await about.getByRole("button", { name: "Close" }).click();
    await page.locator(".lines").getByRole("link", { name: "raw/orders" }).click();
    await page.getByRole("heading", { name: "raw/orders" }).waitFor();
    await visitor.leave();
  });
});

describe("a stack of mine", () => {
  it("is tagged, renamed, put back to an older frame, removed, and brought back", async () => {
    const first = await alice.pushFrame("mine/one", [{ path: "a.txt", bytes: "one" }], { message: "first" });
    await alice.pushFrame("mine/one", [{ path: "a.txt", bytes: "two" }], { message: "second" });
    const visitor = await Visitor.come(browser, alice);
    const page = await visitor.at(at("mine/one"));

    await page.getByRole("button", { name: "Tag", exact: true }).click();
    await page.getByRole("textbox", { name: "Name of the tag" }).fill("v1");
    await clean(page);
    await page.getByRole("button", { name: "Put it on" }).click();
    await page.getByRole("button", { name: "Take the tag v1 away" }).waitFor();
    await page.goto(alice.address + at(`mine/one@${first}`));
    await page.getByRole("button", { name: "Tag", exact: true }).click();
    await page.getByRole("dialog").getByRole("button", { name: "v1" }).click();
    await page.getByRole("button", { name: "Move it here" }).click();
    await page.getByRole("button", { name: "Take the tag v1 away" }).click();
    await page.getByText("Took the tag v1 away").waitFor();
    await page.getByRole("button", { name: "Undo" }).last().click();
    await page.getByRole("button", { name: "Take the tag v1 away" }).waitFor();

    await page.getByRole("button", { name: "Mark as head" }).click();
    await page.getByText(/^Back to [0-9a-f]{8}: first$/).waitFor();
    await page.locator("pre").getByText("one").waitFor();

    // By keys alone: it opens on its first item, arrows go round, Escape leads back to the button.
    const more = page.getByRole("button", { name: "More to do" });
    await more.press("Enter");
    await page.getByRole("menuitem", { name: "Rename …" }).press("ArrowUp");
    await clean(page);
    await page.getByRole("menuitem", { name: "Remove …" }).press("Escape");
    await page.getByRole("menu").waitFor({ state: "hidden" });
    await more.press("Enter");
    await page.getByRole("menuitem", { name: "Rename …" }).press("Enter");
    await page.getByRole("textbox", { name: "New name" }).fill("mine/other");
    await page.getByRole("dialog").getByRole("button", { name: "Rename" }).click();
    await page.getByRole("heading", { name: "mine/other" }).waitFor();

    await more.click();
    await page.getByRole("menuitem", { name: "Remove …" }).click();
    await clean(page);
    await page.getByRole("button", { name: "Remove it" }).click();
    await page.getByText("Removed mine/other").waitFor();
    await page.getByRole("button", { name: "Undo" }).last().click();
    await page.getByRole("heading", { name: "mine/other" }).waitFor();
    // The page may hear that the stack is gone, or has another name, and ask for it before it leaves.
    visitor.forgive(/404 .*mine%2F(one|other)/);
    await visitor.leave();
  });

  it("takes files that are chosen as its next frame", async () => {
    await alice.pushFrame("drop/here", [{ path: "old.txt", bytes: "old" }, { path: "a.txt", bytes: "a" }]);
    const visitor = await Visitor.come(browser, alice);
    const page = await visitor.at(at("drop/here?view=files"));
    await page.getByRole("row", { name: /old\.txt/ }).waitFor();
    const files = [{ name: "a.txt", mimeType: "text/plain", buffer: Buffer.from("newer a") }, { name: "b.txt", mimeType: "text/plain", buffer: Buffer.from("b") }];
    await page.locator("input[type=file]").setInputFiles(files);
    await page.getByRole("textbox", { name: "Message" }).fill("dropped");
    await page.getByRole("dialog").getByText("replaces").waitFor();
    await clean(page);
    await page.getByRole("button", { name: /^Push \d+ B/ }).click();
    await page.getByRole("row", { name: /b\.txt/ }).waitFor();
    await page.getByText("dropped", { exact: true }).waitFor();
    await expect.poll(() => page.getByRole("row").count()).toBe(4);
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Download a.txt" }).click()]);
    expect(download.suggestedFilename()).toBe("a.txt");
    // All of them as one, as any program unpacks it.
    const [archive] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: /^Download all as ZIP/ }).click()]);
    expect(archive.suggestedFilename()).toMatch(/^here-[0-9a-f]{8}\.zip$/);
    const script = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; print(sorted((n, z.read(n).decode()) for n in z.namelist()))";
    const said = execFileSync("python3", ["-c", script, await archive.path()]).toString().trim();
    expect(said).toBe("[('a.txt', 'newer a'), ('b.txt', 'b'), ('old.txt', 'old')]");
    await visitor.leave();
  });

  it("says whose it is and who reads it, and is kept or let go frame by frame", async () => {
    await alice.pushFrame("kept/here", [{ path: "a.txt", bytes: "one" }], { message: "first one" });
    await alice.pushFrame("kept/here", [{ path: "a.txt", bytes: "two" }], { message: "second one" });
    const visitor = await Visitor.come(browser, alice);
    const page = await visitor.at(at("kept/here?view=history"));
    await page.getByText("by me", { exact: true }).waitFor();
    await page.getByText(/^(private|by ticket)$/).waitFor();
    const line = page.getByRole("listitem").filter({ hasText: "first one" });
    const more = line.getByRole("button", { name: /^More of / });
    await more.click();
    await page.getByRole("menuitem", { name: "Keep its bytes here" }).click();
    await line.getByText("pinned", { exact: true }).waitFor();
    await clean(page);
    // Nobody else has it, so nothing is freed.
    await page.getByRole("listitem").filter({ hasText: "second one" }).getByRole("button", { name: /^More of / }).click();
    await page.getByRole("menuitem", { name: /^Free its bytes here/ }).click();
    await page.getByRole("button", { name: "Free them" }).click();
    await page.getByText(/nobody proved to hold .* nothing was freed/).waitFor();
    await page.getByRole("link", { name: "Share", exact: true }).click();
    await page.getByRole("heading", { name: "Invite somebody", level: 1 }).waitFor();
    await visitor.leave();
  });
});

describe("code to use a stack", () => {
  it("has the parameters that the widgets choose", async () => {
    await alice.pushFrame("models/grid", [
      { path: "a.txt", bytes: "a", params: { c: 0.5, type: "ridge" } },
      { path: "b.txt", bytes: "b", params: { c: 1, type: "ridge" } },
      { path: "d.txt", bytes: "d", params: { c: 1, type: "lasso" } },
    ]);
    const visitor = await Visitor.come(browser, alice);
    const page = await visitor.at(at("models/grid"));
    await page.getByText("lasso").click();
    await page.getByText("With type = lasso, c moved to 1: no attachment has the values before.").waitFor();
    await page.locator("pre").getByText("d", { exact: true }).waitFor();
    await clean(page);
    await page.getByRole("link", { name: "Use this" }).click();
    await page.getByText('dsp.pull("models/grid", params={"c": 1, "type": "lasso"})').waitFor();
    await page.getByText('pull("models/grid", params = list(c = 1, type = "lasso"))').waitFor();
    await page.getByText("dsp get 'models/grid#d.txt'").waitFor();
    await page.getByText(`dsp://${user}/main/models/grid?rev=head&path=d.txt`).waitFor();
    await clean(page);

    await page.goto(alice.address + at("models/grid?p.c=7&p.type=lasso"));
    await page.getByText("No attachment has c = 7: it can be 1.").waitFor();
    await page.goto(alice.address + at("models/grid?p.c=0.5&p.type=lasso"));
    await page.getByText(/No attachment has (c = 0.5|type = lasso) with the rest/).waitFor();
    await visitor.leave();
  });
});

describe("widgets of which the author said more", () => {
  it("are called, ordered and hidden as it was said, and begin where it was said", async () => {
    const files = [0.5, 1].flatMap((rate) =>
      ["small", "large"].map((size) => ({ path: `${rate} ${size}.txt`, bytes: `${rate} ${size}`, params: { size, rate, seed: 7 * rate } })),
    );
    const widgets = {
      rate: { kind: "radio", label: "Growth", unit: "% a year", default: 1, order: 1 },
      size: { values: ["large", "small"], default: "large" },
      seed: { hidden: true },
    };
    await alice.pushFrame("models/asked", files, { widgets });
    const visitor = await Visitor.come(browser, alice);
    const page = await visitor.at(at("models/asked"));
    await page.locator("pre").getByText("1 large", { exact: true }).waitFor();
    const bar = page.getByRole("group", { name: "Parameters" });
    expect(await bar.getByRole("radio").count()).toBe(4);
    expect((await bar.innerText()).split("\n").filter((line) => line !== "")).toEqual(["Growth (% a year)", "0.5", "1", "size", "large", "small"]);
    expect(await bar.getByText("seed").count()).toBe(0);
    await bar.getByText("0.5", { exact: true }).click();
    await page.locator("pre").getByText("0.5 large", { exact: true }).waitFor();
    await clean(page);

    const made = await alice.cli("dashboards", "new", "Asked", "models/asked", "--json");
    const path = `${alice.address}/d/${(JSON.parse(made) as { info: { id: string } }).info.id}`;
    await page.goto(path);
    const all = page.getByRole("group", { name: "Parameters of all cards" });
    await all.getByText("Growth (% a year)").waitFor();
    await page.locator("pre").getByText("1 large", { exact: true }).waitFor();

    // A dashboard may show what an author leaves out.
    await page.goto(`${path}/edit`);
    await page.getByRole("button", { name: "Parameters" }).click();
    const seed = page.getByRole("checkbox", { name: "seed stands in the bar" });
    expect(await seed.isChecked()).toBe(false);
    await seed.check();
    await clean(page);
    await page.getByRole("button", { name: "Done" }).click();
    await all.getByText("seed").waitFor();
    await visitor.leave();
  });
});

describe("a link to what is not followed", () => {
  it("says whose it is and how to ask, and leads there once there is a ticket", async () => {
    const ticket = (await alice.cli("share", "main", "--quiet")).trim().split(/\s+/).find((word) => word.length > 60) ?? "";
    const visitor = await Visitor.come(browser, bob);
    const page = await visitor.at(at("sales/weekly"));
    await page.getByRole("heading", { name: /You do not follow main/ }).waitFor();
    await page.getByText("dsp share main").waitFor();
    await clean(page);
    await page.getByRole("textbox", { name: "Ticket" }).fill(ticket);
    await page.getByRole("button", { name: "Follow" }).click();
    await page.getByRole("heading", { name: "sales/weekly" }).waitFor({ timeout: 30_000 });
    await page.getByText(/may have it/).waitFor();
    // Nothing is known of it at first, and then not all of it has come.
    visitor.forgive(/40[49]/);
    await visitor.leave();
  });
});

describe("an address of dstack", () => {
  it("leads to the page of the stack, with the frame and the attachment", async () => {
    const visitor = await Visitor.come(browser, alice);
    const page = await visitor.at(`/alice/sales/weekly?a=0&f=${frames[1]}`);
    await page.getByRole("heading", { name: "sales/weekly" }).waitFor();
    await page.locator("pre").getByText("week 2").waitFor();
    expect(page.url()).toContain(`/s/${user}/main/sales/weekly@${frames[1]}?file=notes.txt`);
    await page.goto(`${alice.address}/alice/not/there`);
    await page.getByRole("heading", { name: "No stack not/there here" }).waitFor();
    await clean(page);
    await visitor.leave();
  });
});
