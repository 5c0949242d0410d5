// Debian's Chromium, as people have it: with its own rules for cookies, policies and sandboxes.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { expect } from "vitest";

import type { Daemon } from "./daemon";

/** What axe is, as text that is run in each page. */
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PROGRAM = process.env.DSP_CHROMIUM ?? "/usr/bin/chromium";

/** A window of one size, light or dark. */
export interface Look {
  width: number;
  scheme: "light" | "dark";
}

/** Starts a browser; with a configuration of fonts, it knows only those. */
export function launch(fonts?: string): Promise<Browser> {
  return chromium.launch({
    executablePath: PROGRAM,
    ...(fonts === undefined ? {} : { env: { ...process.env, FONTCONFIG_FILE: fonts } }),
    args: ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-gpu"],
  });
}

/** Somebody in front of a browser: what the pages complain of is kept. */
export class Visitor {
  private readonly complaints: string[] = [];
  private readonly forgiven: RegExp[] = [];

  private constructor(
    readonly context: BrowserContext,
    private readonly daemon: Daemon,
  ) {}

  /** Opens a browser that is logged in. */
  static async come(browser: Browser, daemon: Daemon, look: Look = { width: 1280, scheme: "light" }): Promise<Visitor> {
    const context = await browser.newContext({
      baseURL: daemon.address,
      viewport: { width: look.width, height: 800 },
      colorScheme: look.scheme,
      reducedMotion: "reduce",
    });
    // Before the scripts of the page: its policy lets no other one in.
    await context.addInitScript({ content: AXE });
    const visitor = new Visitor(context, daemon);
    const page = await visitor.page();
    await page.goto(await daemon.loginUrl());
    await page.waitForURL(`${daemon.address}/`);
    await page.close();
    return visitor;
  }

  /** Opens a page. */
  async page(): Promise<Page> {
    const page = await this.context.newPage();
    page.on("pageerror", (error) => this.complaints.push(`${page.url()}: ${error.message}`));
    page.on("console", (message) => {
      const text = message.text();
      // A daemon that is stopped refuses connections, as it should.
      if (message.type() === "error" && !text.includes("ERR_CONNECTION_REFUSED")) {
        this.complaints.push(`${page.url()}: ${text} ${message.location().url}`);
      }
    });
    return page;
  }

  /** Opens a page at an address. */
  async at(path: string): Promise<Page> {
    const page = await this.page();
    await page.goto(this.daemon.address + path);
    return page;
  }

  /** Forgives the complaints that fit, also those to come: what is asked for is not there on purpose. */
  forgive(complaint: RegExp): void {
    this.forgiven.push(complaint);
  }

  /** Leaves; fails where a page complained, and says of what. */
  async leave(): Promise<void> {
    await this.context.close();
    const complaints = this.complaints.filter((one) => !this.forgiven.some((forgiven) => forgiven.test(one)));
    expect(complaints.join("\n")).toBe("");
  }
}

/** What axe finds wrong with a page, in a few words each. */
export async function violations(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: Axe };
    const { violations } = await axe.run();
    const said = ({ target, failureSummary }: Violation["nodes"][number]) => `${String(target)} ${failureSummary ?? ""}`;
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(said).join("; ")}`);
  });
}

/** What is used of axe. */
interface Axe {
  run: () => Promise<{ violations: Violation[] }>;
}

/** A rule that is broken, and where. */
interface Violation {
  id: string;
  nodes: { target: unknown; failureSummary?: string }[];
}
