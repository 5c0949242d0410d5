import { readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

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

/** How many values the pixels of a canvas have: few where nothing is drawn. */
function colours(element: SVGElement | HTMLElement): number {
  const { width, height } = element as HTMLCanvasElement;
  return new Set((element as HTMLCanvasElement).getContext("2d")?.getImageData(0, 0, width, height).data).size;
}

/** Makes a dashboard and returns its address. */
async function make(page: Page, title: string, stacks: string[]): Promise<string> {
  await page.goto(new URL("/dashboards/new", page.url()).href);
  for (const stack of stacks) await page.getByRole("checkbox", { name: new RegExp(`^${stack}`) }).check();
  await page.getByPlaceholder("Title").fill(title);
  await page.getByRole("button", { name: /Make a dashboard/ }).click();
  await page.getByRole("heading", { name: title, level: 1, exact: true }).waitFor();
  return new URL(page.url()).pathname;
}

/** Opens the page of a dashboard at bob's, once it has come to him. */
async function arrived(his: Visitor, path: string, query = ""): Promise<Page> {
  await expect.poll(() => bob.cli("dashboards", "show", path.slice("/d/".length))).not.toBe("");
  return his.at(path + query);
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

  it("is made of what was chosen, also when somebody pushes meanwhile", async () => {
    const visitor = await Visitor.come(browser, alice);
    const page = await visitor.at("/dashboards/new");
    const chosen = page.getByRole("checkbox", { name: /^waves\/two/ });
    await chosen.check();
    await alice.push("meanwhile", { "m.txt": "pushed meanwhile" });
    await page.getByRole("checkbox", { name: /^meanwhile/ }).check();
    expect(await chosen.isChecked()).toBe(true);
    await page.getByRole("checkbox", { name: /^weekly/ }).check();
    await page.getByRole("checkbox", { name: /^meanwhile/ }).uncheck();
    await page.getByRole("button", { name: "Make a dashboard of 2 stacks" }).click();
    await page.getByRole("heading", { name: "two, weekly", level: 1 }).waitFor();
    await visitor.leave();
  });

  it("is made from the first page with the keyboard alone", async () => {
    const visitor = await Visitor.come(browser, alice);
    const page = await visitor.at("/");
    await page.getByRole("heading", { name: /alice/ }).waitFor();
    const focus = async (name: string) => {
      for (let presses = 0; presses < 80; presses += 1) {
        await page.keyboard.press("Tab");
        const label = await page.evaluate(() => {
          const active = document.activeElement as HTMLInputElement | null;
          return active?.labels?.[0]?.textContent ?? active?.textContent ?? "";
        });
        if (label.trim().startsWith(name)) return;
      }
      throw new Error(`the keyboard does not reach ${name}`);
    };
    await focus("Dashboards");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Dashboards", level: 1 }).waitFor();
    await focus("New dashboard");
    await page.keyboard.press("Enter");
    await page.getByRole("checkbox", { name: /^weekly/ }).waitFor();
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
    const page = await arrived(his, path);
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
    const two = await arrived(his, path, "?edit");
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
    await expect.poll(() => order(one), { timeout: 30_000 }).toEqual(wanted);
    await expect.poll(() => order(two), { timeout: 30_000 }).toEqual(wanted);
    expect(await violations(one)).toEqual([]);

    await two.getByRole("button", { name: "Undo" }).click();
    await expect.poll(() => order(one)).toEqual(wanted.slice(0, 4));
    await two.getByRole("button", { name: "Redo" }).click();
    await expect.poll(() => order(one)).toEqual(wanted);

    // Of what both did there is a history, and each can take back what the other did.
    await one.getByRole("button", { name: "History" }).click();
    const line = one.getByRole("listitem").filter({ hasText: "bob set place of two" });
    await line.getByRole("button", { name: "Take back" }).click();
    await one.getByText("Taken back.").first().waitFor();
    expect(await violations(one)).toEqual([]);
    await one.keyboard.press("Escape");
    await expect.poll(() => order(two)).toEqual(["total 12", "one 7", "two 6", "weekly 12", "Section 12"]);

    // Each sees that the other is there, until one is not any more.
    const others = (page: Page) => page.locator(".editors").innerText();
    await expect.poll(() => others(one)).toContain("bob");
    await expect.poll(() => others(two)).toContain("alice");
    await two.getByRole("link", { name: "Done" }).click();
    await expect.poll(() => others(one)).toBe("");
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
    // What is asked for just then may be gone.
    visitor.forgive(/404/);
    await visitor.leave();
  });

  it("says what became of the stack of a card, and what to do", async () => {
    await alice.cli("context", "new", "apart");
    const hers = await Visitor.come(browser, alice);
    const his = await Visitor.come(browser, bob);
    await alice.cli("push", "apart:secret", alice.write("s.txt", "not for bob"));
    await alice.push("early", { "early.txt": "still the same" });
    const page = await hers.at("/");
    const path = await make(page, "Became", ["early", "secret"]);
    await page.getByText("not for bob").waitFor();
    const two = await arrived(his, path);
    await two.getByText("still the same").waitFor();
    await two.getByText("In a context that you do not follow").waitFor();
    await two.getByText("follow it under Peers").waitFor();
    await alice.cli("mv", "early", "late");
    await two.getByText("early is called late now").waitFor();
    await two.getByText("still the same").waitFor();
    expect(await violations(two)).toEqual([]);

    // An address that leads to nothing here says so too.
    await two.goto(`${bob.address}/d/${"0".repeat(64)}`);
    await two.getByRole("heading", { name: "This dashboard is not here" }).waitFor();
    his.forgive(/404/);
    // Her page may ask for the old name once more before it has heard of the new one.
    hers.forgive(/404 .*early/);
    expect(await violations(two)).toEqual([]);
    await hers.leave();
    await his.leave();
  });

  it("of somebody else is duplicated, and what is changed on the copy is one's own", async () => {
    const hers = await Visitor.come(browser, alice);
    const his = await Visitor.come(browser, bob);
    const path = await make(await hers.at("/"), "Original", ["weekly"]);
    const page = await arrived(his, path);
    await page.getByRole("heading", { name: "Original" }).waitFor();
    await page.getByRole("button", { name: "Duplicate" }).click();
    await page.getByRole("combobox", { name: "In the context" }).waitFor();
    expect(await violations(page)).toEqual([]);
    await page.getByRole("dialog").getByRole("button", { name: "Duplicate" }).click();
    const title = page.getByRole("textbox", { name: "Title" });
    await title.fill("A copy");
    await title.press("Enter");
    await page.getByText("Saved").waitFor();
    await page.getByRole("link", { name: "Done" }).click();
    await page.getByRole("heading", { name: "A copy" }).waitFor();
    expect(new URL(page.url()).pathname).not.toBe(path);
    await page.goto(bob.address + path);
    await page.getByRole("heading", { name: "Original" }).waitFor();
    await hers.leave();
    await his.leave();
  });

  it("is led to by the address of dstack, and shows one card alone", async () => {
    const visitor = await Visitor.come(browser, alice);
    const page = await visitor.at("/");
    const path = await make(page, "Old ways", ["waves/one"]);
    await page.goto(`${alice.address}/dstack${path}?p.k=2`);
    await page.getByRole("heading", { name: "Old ways" }).waitFor();
    expect(new URL(page.url()).pathname).toBe(path);
    await expect.poll(() => heights(page)).toEqual([102]);
    // By the first digits of its id, too.
    await page.goto(alice.address + path.slice(0, 15));
    await expect.poll(() => new URL(page.url()).pathname).toBe(path);

    await page.getByRole("button", { name: "Show one alone" }).click();
    const alone = page.getByRole("dialog", { name: "one" });
    await alone.getByRole("button", { name: "Fill the screen" }).click();
    await expect.poll(() => page.evaluate(() => document.fullscreenElement?.getAttribute("aria-label"))).toBe("one");
    await alone.getByRole("button", { name: "Fill the screen" }).click();
    await expect.poll(() => page.evaluate(() => document.fullscreenElement === null)).toBe(true);
    // The address shows it, and going back leads to all cards.
    expect(new URL(page.url()).searchParams.has("card")).toBe(true);
    await page.reload();
    await alone.getByRole("img").waitFor();
    await page.keyboard.press("Escape");
    await alone.waitFor({ state: "detached" });
    await expect.poll(() => new URL(page.url()).searchParams.has("card")).toBe(false);
    await visitor.leave();
  });

  it("stays while the daemon is away, and goes on when it is back", async () => {
    const carol = await Daemon.start("carol");
    try {
      await carol.push("steady", { "a.txt": "before" });
      const visitor = await Visitor.come(browser, carol);
      const page = await visitor.at("/");
      await make(page, "Steady", ["steady"]);
      await page.getByText("before").waitFor();
      await carol.pause();
      await page.getByText("The daemon does not answer").waitFor();
      await page.getByText("before").waitFor();
      await page.getByRole("link", { name: "Edit" }).click();
      await page.getByRole("button", { name: "Heading" }).click();
      await page.getByText(/^Not done/).waitFor();

      await carol.resume();
      await carol.push("steady", { "a.txt": "after" });
      await page.getByText("after", { exact: true }).waitFor();
      await page.getByRole("button", { name: "Heading" }).click();
      await page.getByRole("heading", { name: "Section" }).waitFor();
      visitor.forgive(/ERR_|Failed to fetch/);
      await visitor.leave();
    } finally {
      await carol.end();
    }
  });

  it("has cards that stay at a frame, and say how many came after it", async () => {
    await alice.push("staying", { "a.csv": "n\n71\n" }, "-m", "first");
    const visitor = await Visitor.come(browser, alice);
    const page = await visitor.at("/");
    await make(page, "Staying", ["staying"]);
    await page.getByRole("link", { name: "Edit" }).click();
    await page.getByRole("button", { name: "Edit staying", exact: true }).click();
    await page.getByRole("checkbox", { name: "Stay at the frame that it shows now" }).check();
    await page.getByRole("button", { name: "Done" }).click();
    await page.getByText("pinned", { exact: true }).waitFor();
    await alice.push("staying", { "a.csv": "n\n72\n" }, "-m", "second");
    await page.getByText("1 newer", { exact: true }).waitFor();
    await page.getByRole("cell", { name: "71" }).waitFor();
    await visitor.leave();
  });

  it("shows a card at a frame by its address, on a teammate's machine too", async () => {
    await alice.push("linked", { "a.csv": "n\n81\n" }, "-m", "first");
    await alice.push("linked", { "a.csv": "n\n82\n" }, "-m", "second");
    const hers = await Visitor.come(browser, alice);
    await hers.context.grantPermissions(["clipboard-read", "clipboard-write"]);
    const page = await hers.at("/");
    const path = await make(page, "Linked", ["linked"]);
    await page.getByRole("cell", { name: "82" }).waitFor();
    await page.getByRole("article", { name: "linked" }).getByRole("link").focus();
    await page.keyboard.press("f");
    const alone = page.getByRole("dialog", { name: "linked" });
    await alone.getByRole("button", { name: "Earlier frame" }).click();
    await alone.getByRole("cell", { name: "81" }).waitFor();
    await alone.getByRole("button", { name: "Copy a link to this frame" }).click();
    await alone.getByText("The link is copied").waitFor();
    const link = new URL(await page.evaluate(() => navigator.clipboard.readText()));
    expect([...link.searchParams.keys()].map((key) => key.split(".")[0])).toEqual(["card", "f"]);

    const his = await Visitor.come(browser, bob);
    const shown = await arrived(his, path, link.search);
    const same = shown.getByRole("dialog", { name: "linked" });
    await same.getByRole("cell", { name: "81" }).waitFor();
    await shown.keyboard.press("Escape");
    await same.waitFor({ state: "detached" });
    await shown.getByText("1 newer", { exact: true }).waitFor();
    await shown.getByRole("button", { name: "Show linked as the dashboard has it" }).click();
    await shown.getByRole("cell", { name: "82" }).waitFor();
    expect(new URL(shown.url()).search).toBe("");
    await hers.leave();
    await his.leave();
  });

  it("has a bar that is folded away, and an editor that shows what would be added", async () => {
    const visitor = await Visitor.come(browser, alice);
    const page = await visitor.at("/");
    await make(page, "Folded", ["waves/one"]);
    await page.getByRole("slider", { name: "k" }).press("ArrowRight");
    const widgets = page.getByRole("button", { name: "Widgets", exact: true });
    await widgets.click();
    await page.getByText("k 2", { exact: true }).waitFor();
    await expect.poll(() => page.getByRole("slider", { name: "k" }).count()).toBe(0);
    await page.reload();
    await page.getByText("k 2", { exact: true }).waitFor();
    expect(await violations(page)).toEqual([]);
    await widgets.click();
    await page.getByRole("slider", { name: "k" }).waitFor();

    await page.getByRole("link", { name: "Edit" }).click();
    const add = page.getByRole("complementary", { name: "Add cards" });
    await add.getByRole("button", { name: /waves\/two/ }).focus();
    const preview = page.locator("#preview");
    await preview.getByText("waves/two").waitFor();
    await preview.locator("img").waitFor();
    expect(await violations(page)).toEqual([]);
    await page.keyboard.press("Escape");
    await preview.waitFor({ state: "detached" });
    await visitor.leave();
  });

  it("has tools on each card that move and size it, by keys and where there is little room", async () => {
    const visitor = await Visitor.come(browser, alice);
    const page = await visitor.at("/");
    const path = await make(page, "Tooled", ["waves/one", "waves/two"]);
    await page.getByRole("link", { name: "Edit" }).click();
    const button = (name: string) => page.getByRole("toolbar", { name: "Card one" }).getByRole("button", { name });
    const stands = () =>
      page.locator(".board-cell").evaluateAll((cells) =>
        cells.map((cell) => `${cell.querySelector("h2")?.textContent} ${(cell as HTMLElement).style.getPropertyValue("--span")} ${cell.classList[1]}`),
      );
    await expect.poll(stands).toEqual(["one 6 m", "two 6 m"]);
    await button("one: wider").focus();
    await page.keyboard.press("Enter");
    await page.keyboard.press("Enter");
    await expect.poll(stands).toEqual(["one 8 m", "two 6 m"]);
    await button("one: narrower").click();
    await button("one: higher").click();
    await expect.poll(stands).toEqual(["one 7 l", "two 6 m"]);
    // At the highest it does no more, and keeps the focus.
    await button("one: higher").press("Enter");
    await button("one: higher").press("Enter");
    await expect.poll(stands).toEqual(["one 7 xl", "two 6 m"]);
    expect(await button("one: higher").getAttribute("aria-disabled")).toBe("true");
    expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toBe("one: higher");
    await button("one: lower").click();
    await button("one: later").click();
    await expect.poll(stands).toEqual(["two 6 m", "one 7 l"]);
    await page.getByText("Saved").waitFor();

    const narrow = await Visitor.come(browser, alice, { width: 390, scheme: "dark" });
    const small = await narrow.at(`${path}/edit`);
    await small.getByRole("toolbar", { name: "Card one" }).waitFor();
    await expect.poll(() => heights(small)).toEqual([101, 101]);
    const inside = await small.locator(".tools button").evaluateAll((all) =>
      all.every((one) => {
        const [card, box] = [one.closest(".board-card") as HTMLElement, one.getBoundingClientRect()];
        return box.right <= card.getBoundingClientRect().right && box.left >= card.getBoundingClientRect().left && box.width >= 24;
      }),
    );
    expect(inside).toBe(true);
    expect(await small.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
    expect(await violations(small)).toEqual([]);
    await narrow.leave();
    await visitor.leave();
  });

  it("takes what is dragged onto it where it is dropped", async () => {
    const visitor = await Visitor.come(browser, alice);
    const page = await visitor.at("/");
    // Nothing has to be scrolled while a button is held.
    await page.setViewportSize({ width: 1280, height: 1800 });
    await make(page, "Dragged", ["waves/one"]);
    await page.getByRole("link", { name: "Edit" }).click();
    await page.getByRole("toolbar", { name: "Card one" }).waitFor();
    const order = () => page.locator(".board-cell h2").allTextContents();
    const add = page.getByRole("complementary", { name: "Add cards" });
    const one = page.locator(".board-cell").filter({ has: page.getByRole("heading", { name: "one", exact: true }) });

    // With what it shows the bar comes, and everything below it moves.
    await expect.poll(() => heights(page)).toEqual([101]);
    await page.getByRole("slider", { name: "k" }).waitFor();
    // Held over the lower half it would land below, and over the upper one above, as is shown.
    const box = await one.boundingBox();
    if (box === null) throw new Error("the card is not drawn");
    await add.getByRole("button", { name: /waves\/two/ }).hover();
    await page.mouse.down();
    // Whoever holds it moves a little: a browser begins to drag with the first move, and tells where it is with the next ones.
    let moves = 0;
    const held = (y: number, mark: string) =>
      expect.poll(() => page.mouse.move(box.x + 60 + (moves++ % 9), y).then(() => page.locator(mark).count())).toBe(1);
    await held(box.y + box.height - 20, ".lands-bottom");
    await held(box.y + 20, ".lands-top");
    expect(await page.locator("#preview").count()).toBe(0);
    await page.mouse.up();
    await expect.poll(order).toEqual(["two", "one"]);
    expect(await page.locator("[class*=lands-]").count()).toBe(0);

    // By keys it comes last.
    await add.getByRole("button", { name: /waves\/three/ }).press("Enter");
    await expect.poll(order).toEqual(["two", "one", "three"]);
    // A card is carried the same way.
    const grip = page.getByRole("toolbar", { name: "Card three" }).getByRole("button", { name: /^Move/ });
    await grip.dragTo(one, { targetPosition: { x: 20, y: 20 } });
    await expect.poll(order).toEqual(["two", "three", "one"]);
    await page.getByText("Saved").waitFor();
    await page.reload();
    await expect.poll(order).toEqual(["two", "three", "one"]);
    expect(await violations(page)).toEqual([]);

    // And onto a tab with nothing on it.
    await page.getByRole("button", { name: "Tabs", exact: true }).click();
    const empty = page.getByText("Nothing on this tab yet");
    await add.getByRole("button", { name: "Heading" }).dragTo(empty);
    await expect.poll(order).toEqual(["Section"]);
    await visitor.leave();
  });

  it("keeps what is wide within its card", async () => {
    const wide = `# Wide\n\n${"words ".repeat(60)}\n\n    ${"code".repeat(100)}\n`;
    await alice.pushFrame("wide/text", [{ path: "wide.md", bytes: wide, media: "text/markdown" }]);
    const made = JSON.parse(await alice.cli("dashboards", "new", "Wide", "wide/text", "--json")) as { info: { id: string } };
    const visitor = await Visitor.come(browser, alice);
    const page = await visitor.at(`/d/${made.info.id}`);
    const text = page.locator(".board-card .prose");
    await text.waitFor();
    expect(await text.evaluate((prose) => prose.clientWidth <= (prose.closest(".board-card")?.clientWidth ?? 0))).toBe(true);
    await visitor.leave();
  });

  it("stands on Home where it was pinned, and comes back after it was removed", async () => {
    const visitor = await Visitor.come(browser, alice);
    const page = await visitor.at("/");
    const path = await make(page, "Kept", ["weekly"]);
    await page.getByRole("button", { name: "Keep it on Home" }).click();
    await page.goto(alice.address);
    await page.getByRole("link", { name: /^Kept/ }).click();
    await page.getByRole("link", { name: "Edit" }).click();
    await page.getByRole("button", { name: "Remove", exact: true }).click();
    await page.getByText("1 removed dashboard").click();
    await page.getByRole("button", { name: "Bring back" }).click();
    await page.getByRole("link", { name: /^Kept/ }).click();
    await expect.poll(() => new URL(page.url()).pathname).toBe(path);
    visitor.forgive(/404/);
    await visitor.leave();
  });
});

describe("tabs", () => {
  it("part the cards, for a teammate too", async () => {
    const hers = await Visitor.come(browser, alice);
    const his = await Visitor.come(browser, bob);
    const page = await hers.at("/");
    const path = await make(page, "Parted", ["waves/one"]);
    await page.getByRole("link", { name: "Edit" }).click();
    await page.getByRole("button", { name: "Tabs", exact: true }).click();
    await page.getByRole("link", { name: "Tab 2", exact: true }).waitFor();
    await page.getByText("Nothing on this tab yet").waitFor();
    const name = page.getByRole("textbox", { name: "Name of this tab" });
    await name.fill("Numbers");
    await name.press("Enter");
    await page.getByRole("link", { name: "Numbers", exact: true }).waitFor();
    await page.getByRole("button", { name: /^weekly/ }).click();
    await page.getByRole("cell", { name: /^3\d$/ }).waitFor();
    expect(await violations(page)).toEqual([]);
    await page.getByRole("link", { name: "Done" }).click();
    await page.getByRole("link", { name: "Edit" }).waitFor();
    expect(new URL(page.url()).searchParams.get("tab")).toBe("Numbers");

    const other = await his.at(path);
    await expect.poll(() => heights(other)).toEqual([101]);
    expect(await other.getByRole("cell", { name: /^3\d$/ }).count()).toBe(0);
    await other.getByRole("link", { name: "Numbers", exact: true }).click();
    await other.getByRole("cell", { name: /^3\d$/ }).waitFor();
    expect(await heights(other)).toEqual([]);
    expect(await violations(other)).toEqual([]);

    // Without its tab the card is where the others are.
    await page.getByRole("link", { name: "Edit" }).click();
    await page.getByRole("button", { name: /^Remove the tab Numbers/ }).click();
    await other.getByRole("navigation", { name: "Tabs of the dashboard" }).waitFor({ state: "detached" });
    await other.getByRole("cell", { name: /^3\d$/ }).waitFor();
    await expect.poll(() => heights(other)).toEqual([101]);
    await hers.leave();
    await his.leave();
  });
});

describe("parameters", () => {
  it("begin, are called and stand in the bar as the dashboard says", async () => {
    const hers = await Visitor.come(browser, alice);
    const page = await hers.at("/");
    const path = await make(page, "Begun", ["waves/one", "waves/two"]);
    await page.getByRole("link", { name: "Edit" }).click();
    await page.getByRole("button", { name: "Parameters", exact: true }).click();
    const dialog = page.getByRole("dialog", { name: "Parameters of this dashboard" });
    await dialog.getByRole("combobox", { name: "k begins with" }).selectOption("3");
    const name = dialog.getByRole("textbox", { name: "k is called" });
    await name.fill("Waves");
    await name.press("Tab");
    await expect.poll(() => heights(page)).toEqual([103, 103]);
    expect(await violations(page)).toEqual([]);
    await dialog.getByRole("button", { name: "Done" }).click();
    await page.getByText("Saved").waitFor();
    await page.goto(alice.address + path);
    await page.getByRole("slider", { name: "Waves" }).waitFor();
    await expect.poll(() => heights(page)).toEqual([103, 103]);

    // Each choice is one to go back over.
    await page.getByRole("slider", { name: "Waves" }).press("ArrowLeft");
    await expect.poll(() => heights(page)).toEqual([102, 102]);
    await page.goBack();
    await expect.poll(() => heights(page)).toEqual([103, 103]);
    await hers.leave();
  });

  it("of which nothing has the choice say which values would", async () => {
    await alice.pushFrame("split/sales", [["north", 1], ["north", 2], ["south", 2]].map(([region, k]) => ({
      path: `${region}${k}.svg`, bytes: wave("split", Number(k)), params: { region: region ?? "", k: k ?? 0 },
    })));
    const hers = await Visitor.come(browser, alice);
    const page = await hers.at("/");
    await make(page, "Split", ["split/sales"]);
    await expect.poll(() => heights(page)).toEqual([101]);
    await page.getByText("south", { exact: true }).click();
    await page.getByText("With all else as it is: k 2, or region north.").waitFor();
    expect(await heights(page)).toEqual([]);
    expect(await violations(page)).toEqual([]);
    await page.getByRole("button", { name: "Show that" }).click();
    await expect.poll(() => heights(page)).toHaveLength(1);
    await hers.leave();
  });
});

describe("comments", () => {
  it("on a stack are said, changed and taken back, and come to others by themselves", async () => {
    const hers = await Visitor.come(browser, alice);
    const his = await Visitor.come(browser, bob);
    const at = `${await alice.pageOf("weekly")}?view=comments`;
    const [one, two] = [await hers.at(at), await his.at(at)];
    await two.getByText("Nobody said anything yet").waitFor();
    const field = one.getByRole("textbox", { name: "Say something" });
    await field.fill("Is **this** right? <img src=x onerror=alert(1)> [go](javascript:alert(1))");
    await field.press("Control+Enter");
    const comment = two.getByRole("listitem").filter({ hasText: "Is this right?" });
    await comment.getByText("alice").waitFor();
    await expect.poll(() => comment.locator("strong").textContent()).toBe("this");
    expect(await two.locator(".comment img, .comment a[href^=javascript]").count()).toBe(0);
    expect(await comment.getByRole("button").count()).toBe(0);
    expect(await violations(two)).toEqual([]);

    await one.getByRole("button", { name: "Change" }).click();
    await one.getByRole("textbox", { name: "Say it otherwise" }).fill("It is right.");
    await one.getByRole("button", { name: "Save" }).click();
    await two.getByText("It is right.").waitFor();
    await two.getByText("changed").waitFor();
    expect(await violations(one)).toEqual([]);
    await one.getByRole("button", { name: "Take back" }).click();
    await one.getByRole("button", { name: "Take it back" }).click();
    await two.getByText("Nobody said anything yet").waitFor();

    await one.getByRole("checkbox", { name: /About the frame/ }).check();
    await field.fill("about this one");
    await one.getByRole("button", { name: "Comment", exact: true }).click();
    await two.getByRole("link", { name: /^on [0-9a-f]{8}/ }).waitFor();
    await hers.leave();
    await his.leave();
  });

  it("on a card are counted on it", async () => {
    const hers = await Visitor.come(browser, alice);
    const his = await Visitor.come(browser, bob);
    const one = await hers.at("/");
    const path = await make(one, "Discussed", ["waves/one"]);
    const two = await arrived(his, path);
    await two.getByRole("button", { name: "Comments on one: 0" }).click();
    await two.getByRole("textbox", { name: "Say something" }).fill("too small");
    await two.getByRole("button", { name: "Comment", exact: true }).click();
    await one.getByRole("button", { name: "Comments on one: 1" }).click();
    await one.getByRole("dialog").getByText("too small").waitFor();
    expect(await violations(one)).toEqual([]);
    // Who is told of it is led to the dashboard.
    const told = await hers.at("/notifications");
    await told.getByRole("button", { name: /bob said on a dashboard in main: too small/ }).click();
    await told.getByRole("heading", { name: "Discussed", level: 1 }).waitFor();
    await hers.leave();
    await his.leave();
  });
});

describe("what is taken along", () => {
  it("opens without a network, and what others made stays in frames that reach nothing", async () => {
    const asked: (string | undefined)[] = [];
    const listener = createServer(({ url }, response) => {
      asked.push(url);
      response.end();
    });
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    const outside = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/outside.png`;
    const bars = { data: [{ type: "bar", x: ["a", "b"], y: [1, 2] }], layout: { title: { text: "Bars" } } };
    const chart = { mark: "bar", data: { values: [{ a: "x", b: 3 }] }, encoding: { x: { field: "a" }, y: { field: "b" } } };
    const html = `<p>A page of its own</p><script>document.title = "ran"; parent.postMessage("out", "*")</script><img src="${outside}">`;
    await alice.pushFrame("out/bars", [{ path: "f.json", bytes: JSON.stringify(bars), media: "application/vnd.plotly.v1+json" }]);
    await alice.pushFrame("out/chart", [{ path: "v.json", bytes: JSON.stringify(chart), media: "application/vnd.vegalite.v5+json" }]);
    await alice.pushFrame("out/page", [{ path: "p.html", bytes: html, media: "text/html" }]);
    await alice.push("out/words", { "words.md": "# Words\n\n<script>alert(1)</script> **bold**\n" });
    const visitor = await Visitor.come(browser, alice);
    const page = await visitor.at("/");
    await make(page, "Taken <along>", ["out/bars", "out/chart", "out/page", "out/words", "waves/one", "weekly"]);
    await page.frameLocator('article[aria-label="bars"] iframe').getByText("Bars").waitFor();

    // A card as a picture.
    const [picture] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "More of bars" }).click().then(() => page.getByRole("menuitem", { name: "Save as a picture" }).click()),
    ]);
    expect(picture.suggestedFilename()).toBe("bars.png");
    const png = readFileSync(await picture.path());
    expect(png.subarray(1, 4).toString()).toBe("PNG");
    expect(png.readUInt32BE(16), "pixels of its width").toBeGreaterThan(800);
    expect(png.length, "a blank card packs to less").toBeGreaterThan(12_000);

    await page.getByRole("button", { name: "Export" }).click();
    const button = page.getByRole("button", { name: /^Save \d+(\.\d)? MB$/ });
    await button.waitFor();
    expect(await violations(page)).toEqual([]);
    const [file] = await Promise.all([page.waitForEvent("download"), button.click()]);
    const apart = await browser.newContext();
    const opened = await apart.newPage();
    const kept = join(tmpdir(), `dsp-web-taken-${process.pid}.html`);
    await file.saveAs(kept);
    try {
      await opened.goto(`file://${kept}`);
      await opened.getByRole("heading", { name: "Taken <along>" }).waitFor();
      await opened.frameLocator('iframe[title="bars"]').getByText("Bars").waitFor();
      await opened.frameLocator('iframe[title="chart"]').locator("svg path").first().waitFor();
      await opened.frameLocator('iframe[title="page"]').getByText("A page of its own").waitFor();
      await opened.getByRole("cell", { name: "week" }).or(opened.getByRole("columnheader", { name: "week" })).waitFor();
      await opened.getByText("bold", { exact: true }).waitFor();
      expect(await opened.locator("main script").count()).toBe(0);
      const sandboxes = await opened.locator("iframe").evaluateAll((all) => all.map((frame) => frame.getAttribute("sandbox")));
      expect(sandboxes.every((one) => one === "" || one === "allow-scripts")).toBe(true);
      expect(asked).toEqual([]);
      await expect.poll(() => opened.locator("img").evaluate((img) => (img as HTMLImageElement).naturalHeight)).toBe(101);
    } finally {
      rmSync(kept, { force: true });
      await apart.close();
      listener.close();
    }
    visitor.forgive(/outside\.png/);
    await visitor.leave();
  });

  it("draws what Bokeh made, as JSON and as a page of its own", async () => {
    const document = readFileSync(join(import.meta.dirname, "figures/bokeh.json"));
    await alice.pushFrame("out/bokeh", [{ path: "b.json", bytes: document, app: "bokeh", media: "application/json" }]);
    // As `bokeh.embed.file_html(figure, resources=INLINE)` writes it.
    const library = readFileSync(createRequire(import.meta.url).resolve("@bokeh/bokehjs/build/js/bokeh.min.js"), "utf8").replaceAll("</script", "<\\/script");
    const whole = `<!doctype html><html lang="en"><title>Bokeh</title><div id="at"></div><script>${library}</script><script>Bokeh.embed.embed_item({ ...${document.toString()}, target_id: "at" }, "at")</script>`;
    await alice.pushFrame("out/inline", [{ path: "i.html", bytes: whole, media: "text/html" }]);
    const visitor = await Visitor.come(browser, alice);
    const page = await visitor.at("/");
    await make(page, "Of Bokeh", ["out/bokeh", "out/inline"]);
    await page.getByRole("button", { name: "Export" }).click();
    const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: /^Save \d+(\.\d)? MB$/ }).click()]);
    const apart = await browser.newContext({ offline: true });
    const opened = await apart.newPage();
    const asked: string[] = [];
    opened.on("request", (request) => asked.push(request.url()));
    const kept = join(tmpdir(), `dsp-web-bokeh-${process.pid}.html`);
    await file.saveAs(kept);
    try {
      await opened.goto(`file://${kept}`);
      for (const title of ["bokeh", "inline"]) {
        const canvas = opened.frameLocator(`iframe[title="${title}"]`).locator("canvas").first();
        await expect.poll(() => canvas.evaluate(colours)).toBeGreaterThan(10);
      }
      expect(asked.filter((url) => url.startsWith("http"))).toEqual([]);
    } finally {
      rmSync(kept, { force: true });
      await apart.close();
    }
    await visitor.leave();
  });
});
