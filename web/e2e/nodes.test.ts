// Two people and their machines: invited, followed, compared, told of each other.

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { launch, violations, Visitor } from "./browser";
import { Daemon } from "./daemon";

let browser: Browser;
let alice: Daemon;
let bob: Daemon;

beforeAll(async () => {
  [browser, alice, bob] = await Promise.all([launch(), Daemon.start("alice"), Daemon.start("bob")]);
  await alice.push("sales/weekly", { "rows.csv": "week,sum\n1,10\n2,30\n" }, "-m", "two weeks");
});

afterAll(async () => {
  await browser?.close();
  await Promise.all([alice?.end(), bob?.end()]);
});

/** Fails where axe finds something, or the page is wider than its window. */
async function isFine(page: Awaited<ReturnType<Visitor["at"]>>, what: string): Promise<void> {
  expect(await violations(page), what).toEqual([]);
  const overflows = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  expect(overflows, `${what} is wider than its window`).toBe(false);
}

describe("two people", () => {
  it("meet by an invitation, and see what the other pushes", async () => {
    const hers = await Visitor.come(browser, alice);
    const his = await Visitor.come(browser, bob);
    const page = await hers.at("/peers");
    await page.getByRole("button", { name: "Invite", exact: true }).click();
    const dialog = page.getByRole("dialog", { name: "Invite somebody" });
    await dialog.getByLabel("writer").check();
    await dialog.getByText("Who holds it reads 1 stack").waitFor();
    await isFine(page, "the dialog of an invitation");
    await dialog.getByRole("button", { name: "Make the invitation" }).click();
    const made = page.getByRole("dialog", { name: "The invitation" });
    await made.getByRole("img", { name: "The ticket as a QR code" }).waitFor();
    await isFine(page, "an invitation");
    const ticket = await made.getByText(/^dsp1/).innerText();
    await made.getByRole("button", { name: "Done" }).click();
    await page.getByText("0 of 1 came in").waitFor();

    // As a link he opens: the ticket is taken out of the address.
    const joined = await his.at(`/join#${ticket}`);
    await joined.getByRole("heading", { name: "Follow a context" }).waitFor();
    await expect.poll(() => joined.getByRole("textbox", { name: /Ticket/ }).inputValue()).toBe(ticket);
    expect(new URL(joined.url()).hash).toBe("");
    await isFine(joined, "the way in");
    await joined.getByRole("button", { name: "Follow", exact: true }).click();
    await joined.getByRole("heading", { name: "alice/main" }).waitFor();
    await joined.getByRole("link", { name: /sales\/weekly/ }).waitFor();
    await page.getByText("No invitation is open.").waitFor();

    // What she pushes is on his page at once, and he is told of it; she, who came in.
    await alice.push("fresh/stack", { "a.txt": "x" }, "-m", "new");
    await joined.getByRole("link", { name: /fresh\/stack/ }).waitFor();
    await joined.getByRole("button", { name: "Notifications, 1 not read" }).click();
    await isFine(joined, "notifications in passing");
    await joined.getByRole("button", { name: /alice pushed fresh\/stack in alice\/main/ }).click();
    await joined.getByRole("heading", { name: "fresh/stack" }).waitFor();
    await joined.getByRole("button", { name: "Notifications", exact: true }).waitFor();
    const told = await hers.at("/notifications");
    await told.getByText("bob came into main by a ticket").waitFor();
    await isFine(told, "notifications");
    await told.getByRole("button", { name: "Mark all as read" }).click();
    await told.getByRole("button", { name: "Not read: 0" }).waitFor();
    await hers.leave();
    await his.leave();
  });

  it("are told no more of a muted context, and of all else after a restart", async () => {
    const his = await Visitor.come(browser, bob);
    const page = await his.at("/settings/notifications");
    const context = page.getByRole("switch", { name: "alice/main" });
    await context.click();
    await expect.poll(() => context.isChecked()).toBe(false);
    await isFine(page, "settings of notifications");
    await alice.cli("context", "new", "other");
    const shared = await alice.cli("share", "other", "--json");
    await bob.cli("follow", shared.match(/dsp1[a-z0-9]+/)?.[0] ?? "");
    await alice.push("quiet/stack", { "a.txt": "x" });
    await expect.poll(async () => (await bob.cli("ls", "alice/main")).includes("quiet/stack")).toBe(true);
    // What is told of the other context comes after what would have been told of the muted one.
    await alice.push("me/other:loud/stack", { "a.txt": "x" });
    await page.getByRole("button", { name: "Notifications, 1 not read" }).waitFor();
    await bob.pause();
    await bob.resume();
    const all = await his.at("/notifications");
    await all.getByText("alice pushed loud/stack in alice/other").waitFor();
    expect(await all.getByText("quiet/stack").count()).toBe(0);
    await his.leave();
  });

  it("know each other by their words, and block who is somebody else", async () => {
    const hers = await Visitor.come(browser, alice);
    const page = await hers.at("/peers");
    // How far he is is measured with the connection, and asked for again.
    await page.getByRole("link", { name: /bob.*connected · (< )?\d+(\.\d)? ms/ }).waitFor({ timeout: 20_000 });
    await page.getByRole("link", { name: /bob/ }).click();
    // Who was reached may not know over which address.
    await page.getByRole("listitem").getByText(/connected( · (TCP|QUIC))? · (< )?\d+(\.\d)? ms( · in step .*)?$/).waitFor();
    await page.getByRole("listitem").getByText(/ · in step /).waitFor();
    const keys = page.getByRole("region", { name: "Key history" });
    await expect.poll(() => keys.getByRole("listitem").allInnerTexts()).toEqual([
      expect.stringMatching(/may act for her\s+entry 1/),
      expect.stringMatching(/The log begins, with the first root key\s+entry 0/),
    ]);
    await page.getByText("Nothing moves between you now.").waitFor();
    await page.getByRole("heading", { name: "bob", level: 1 }).waitFor();
    await page.getByText("not compared", { exact: true }).first().waitFor();
    await isFine(page, "the page of a peer");
    await page.getByRole("button", { name: "Compare" }).click();
    const dialog = page.getByRole("dialog", { name: "Compare with bob" });
    await expect.poll(() => dialog.getByRole("listitem").count()).toBe(24);
    const words = await dialog.getByRole("list", { name: "Words of bob" }).getByRole("listitem").allInnerTexts();
    const said = JSON.parse(await bob.cli("trust", "me", "--json")) as { fingerprint: string };
    expect(words.join(" ")).toBe(said.fingerprint);
    await isFine(page, "the words of a peer");
    await dialog.getByRole("button", { name: "All twelve are the same" }).click();
    await page.getByText("Her id was compared").waitFor();

    const code = page.getByRole("switch", { name: /Let her code run/ });
    await code.click();
    await page.getByRole("dialog", { name: "Let code of bob run here?" }).getByRole("button", { name: "Cancel" }).click();
    expect(JSON.parse(await alice.cli("trust", "bob", "--json"))).toMatchObject({ verified: true, trust: { code: false } });

    await page.getByRole("button", { name: "Block" }).click();
    await isFine(page, "a question");
    await page.getByRole("dialog").getByRole("button", { name: "Block" }).click();
    await page.getByRole("button", { name: "Unblock" }).click();
    await page.getByRole("button", { name: "Block" }).waitFor();
    await hers.leave();
  });

  it("give each other roles, and choose what comes", async () => {
    const hers = await Visitor.come(browser, alice);
    const page = await hers.at("/c/main?view=members");
    await page.getByRole("combobox", { name: "Role of bob" }).selectOption("reader");
    await page.getByText("bob is a reader now").waitFor();
    await isFine(page, "members");
    await page.getByRole("button", { name: "Remove" }).click();
    await page.getByRole("dialog", { name: "Remove bob?" }).getByRole("button", { name: "Cancel" }).click();

    const his = await Visitor.come(browser, bob);
    const followed = await his.at("/c/alice%2Fmain?view=sync");
    await followed.getByRole("radio", { name: /^Everything/ }).check();
    await isFine(followed, "the policy");
    await followed.getByRole("button", { name: "Save" }).click();
    await followed.getByText("What comes by itself is changed").waitFor();
    expect(JSON.parse(await bob.cli("context", "ls", "--json"))).toMatchObject({
      items: expect.arrayContaining([expect.objectContaining({ label: "alice/main", policy: "all" })]),
    });
    await followed.getByRole("link", { name: "About" }).click();
    await followed.getByRole("button", { name: "Unfollow and drop" }).click();
    await followed.getByRole("dialog").getByRole("button", { name: "Unfollow and drop" }).click();
    await followed.getByText("alice/main is dropped").waitFor();
    await followed.getByRole("button", { name: "Undo" }).click();
    await expect.poll(async () => (await bob.cli("context", "ls")).includes("alice/main")).toBe(true);
    // While the page goes it may ask once more for what is dropped.
    his.forgive(/404/);
    await his.leave();
    await hers.leave();
  });

  it("see on a stack that its author's keys changed, and what that means", async () => {
    const his = await Visitor.come(browser, bob);
    const page = await his.at(await alice.pageOf("sales/weekly"));
    await page.getByText("signed, not compared").waitFor();
    expect(await page.getByText(/keys changed/).count()).toBe(0);
    await alice.cli("id", "rotate");
    // Whoever meets her anew learns of it.
    await alice.pause();
    await alice.resume();
    await page.getByRole("button", { name: "keys changed since" }).click();
    const dialog = page.getByRole("dialog", { name: "The keys of alice changed" });
    await dialog.getByText("Her root key named another one").waitFor();
    await dialog.getByText("after this frame was made").waitFor();
    await isFine(page, "what changed keys mean");
    await dialog.getByRole("link", { name: "All changes of her keys" }).click();
    const keys = page.getByRole("region", { name: "Key history" });
    await keys.getByText("The root key names another root key").waitFor();
    await expect.poll(() => keys.getByRole("heading").evaluate((heading) => heading.getBoundingClientRect().top < innerHeight)).toBe(true);
    await his.leave();
  });
});

describe("settings", () => {
  it("make tokens and log browsers out", async () => {
    const one = await Visitor.come(browser, alice);
    const two = await Visitor.come(browser, alice);
    const page = await one.at("/settings/access");
    await page.getByRole("button", { name: "New token" }).click();
    await page.getByLabel("What it is for").fill("nightly job");
    await page.getByRole("radio", { name: /^read reads/ }).check();
    await isFine(page, "a new token");
    await page.getByRole("button", { name: "Make the token" }).click();
    const secret = await page.getByRole("dialog", { name: "The token" }).getByText(/^dsp_pat_/).innerText();
    await page.getByRole("button", { name: "Done" }).click();
    const headers = { authorization: `Bearer ${secret}` };
    const call = () => fetch(`${alice.address}/api/v1/node`, { headers }).then(({ status }) => status);
    expect(await call()).toBe(200);
    await page.getByRole("button", { name: "Revoke the token nightly job" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    await expect.poll(call).toBe(401);

    const other = await two.at("/settings/access");
    await other.getByText("this one").waitFor();
    await page.reload();
    const lines = page.getByRole("listitem").filter({ hasText: "logged in" }).filter({ hasNotText: "this one" });
    await lines.first().waitFor();
    // The latest comes first: the one that came after.
    await lines.first().getByRole("button").click();
    await page.getByRole("dialog").getByRole("button", { name: "Log out" }).click();
    await page.getByText("The browser is logged out").waitFor();
    await other.reload();
    await other.getByText("nobody is logged in").first().waitFor();
    two.forgive(/401/);
    await one.leave();
    await two.leave();
  });

  it("change how the pages look", async () => {
    const hers = await Visitor.come(browser, alice);
    const page = await hers.at("/settings/appearance");
    await page.getByRole("radio", { name: "Dark" }).check({ force: true });
    await page.getByRole("radio", { name: "High" }).check({ force: true });
    await page.reload();
    await page.getByRole("heading", { name: "Appearance" }).waitFor();
    await expect.poll(() => page.evaluate(() => ({ ...document.documentElement.dataset }))).toEqual({ theme: "dark", contrast: "more" });
    await isFine(page, "high contrast");
    await hers.leave();
  });

  it("say in which language and time zone times are written", async () => {
    const hers = await Visitor.come(browser, alice);
    const page = await hers.at("/settings/appearance");
    await page.getByLabel("Language").selectOption("de");
    await page.getByLabel("Time zone").selectOption("Asia/Tokyo");
    await page.getByText("vor 3 Tagen").waitFor();
    await isFine(page, "the choice of times");
    await page.goto(`${alice.address}/s/me/main/sales/weekly`);
    const time = page.locator("header time").first();
    await time.waitFor();
    expect(await time.getAttribute("lang")).toBe("de");
    const at = new Date((await time.getAttribute("datetime")) ?? "");
    const there = new Intl.DateTimeFormat("de", { dateStyle: "medium", timeStyle: "medium", timeZone: "Asia/Tokyo" }).format(at);
    expect(await time.getAttribute("title")).toBe(there);
    await hers.leave();
  });

  it("give what helps to find a fault, and nothing of what is one's own", async () => {
    const hers = await Visitor.come(browser, alice);
    const page = await hers.at("/settings/about");
    await page.getByRole("button", { name: "Show them" }).click();
    const text = page.getByRole("region", { name: "What is copied and saved" });
    await text.waitFor();
    const said = (await text.textContent()) ?? "";
    expect(JSON.parse(said)).toMatchObject({ versions: { daemon: expect.any(String) }, counts: { stacks: expect.any(Number) } });
    for (const own of [await alice.user(), "alice", "bob", "sales"]) expect(said).not.toContain(own);
    const [saved] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Save as a file" }).click()]);
    expect(saved.suggestedFilename()).toMatch(/^dsp-diagnostics-.*\.json$/);
    await page.getByText("log.level").first().waitFor();
    await isFine(page, "about");
    await hers.leave();
  });

  it("say what may be freed before it is", async () => {
    const hers = await Visitor.come(browser, alice);
    const page = await hers.at("/settings/storage");
    await page.getByRole("heading", { name: "On this machine" }).waitFor();
    await page.getByRole("link", { name: "main", exact: true }).waitFor();
    await page.getByText(/whatever is here is named|Free .*…/).first().waitFor();
    const types = page.getByRole("region", { name: "By type" });
    await types.getByRole("row", { name: /^Tables text\/csv 1 / }).waitFor();
    await isFine(page, "storage");
    await hers.leave();
  });
});

describe("the keyboard", () => {
  it("goes anywhere", async () => {
    const hers = await Visitor.come(browser, alice);
    const page = await hers.at("/");
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page.keyboard.press("Control+k");
    const field = page.getByRole("combobox", { name: /Find a page/ });
    await field.fill("sw");
    await page.getByRole("option", { name: /sales\/weekly/, selected: true }).waitFor();
    await isFine(page, "the palette");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "sales/weekly" }).waitFor();

    // On a busy machine the second key may come too late to belong to the first.
    await expect
      .poll(async () => {
        await page.keyboard.press("g");
        await page.keyboard.press("p");
        return page.getByRole("heading", { name: "Peers", level: 1 }).isVisible();
      }, { timeout: 20_000 })
      .toBe(true);
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
    await isFine(page, "the shortcuts");
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await hers.leave();
  });

  it("lets transfers wait", async () => {
    const hers = await Visitor.come(browser, alice);
    const page = await hers.at("/");
    await page.getByRole("button", { name: "Transfers" }).click();
    await page.getByRole("button", { name: "Pause all" }).click();
    await page.getByText("all wait").waitFor();
    await isFine(page, "the transfers in passing");
    await page.getByRole("link", { name: "All transfers" }).click();
    await page.getByRole("button", { name: "Resume all" }).click();
    await page.getByText("Nothing is under way").waitFor();
    await hers.leave();
  });
});
