// Real daemons, each with a home of its own, driven by the real command line.

import { execFile } from "node:child_process";
import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The folder of `dsp` and `dspd`; `cargo xtask test` says which. */
const PROGRAMS = process.env.DSP_PROGRAMS;
if (PROGRAMS === undefined) throw new Error("set DSP_PROGRAMS to the folder of dsp and dspd");

/** A file of a frame that is pushed. */
export interface Pushing {
  path: string;
  bytes: string | Buffer;
  media?: string;
  app?: string;
  params?: Record<string, unknown>;
}

/** A daemon, and the person whose it is. */
export class Daemon {
  /** Any at first, and the same ever after: pages that are open go on. */
  private port = "0";

  private constructor(
    readonly name: string,
    private readonly folder: string,
    private readonly settings: Record<string, string | undefined>,
  ) {}

  /** Starts a daemon in an empty home; settings are variables such as `DSP_HTTP_SINGLE_PORT`. */
  static async start(name: string, settings: Record<string, string | undefined> = {}): Promise<Daemon> {
    const folder = mkdtempSync(join(tmpdir(), `dsp-web-${name}-`));
    const daemon = new Daemon(name, folder, settings);
    await daemon.resume();
    return daemon;
  }

  /** Starts it again in its home. */
  async resume(): Promise<void> {
    await this.cli("daemon", "start");
    this.port = new URL(this.address).port;
  }

  /** Stops it in order; the home stays. */
  async pause(): Promise<void> {
    await this.cli("daemon", "stop");
  }

  /** Stops it and removes its home. */
  async end(): Promise<void> {
    await this.pause();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Runs `dsp` and returns what it prints. */
  async cli(...args: string[]): Promise<string> {
    const dsp = join(PROGRAMS as string, "dsp");
    const { stdout } = await run(dsp, ["--home", this.home, "--yes", ...args], { env: this.environment });
    return stdout;
  }

  /** Pushes files to a stack. */
  async push(stack: string, files: Record<string, string | Buffer>, ...args: string[]): Promise<void> {
    await this.cli("push", stack, ...Object.entries(files).map(([path, bytes]) => this.write(path, bytes)), ...args);
  }

  /** Pushes a file that is there. */
  async pushPath(stack: string, source: string): Promise<void> {
    await this.call("POST", "/frames", { stack, files: [{ path: "file", source }], message: "" });
  }

  /** Waits until this daemon lists a frame. */
  async lists(frame: string): Promise<void> {
    for (;;) {
      const stacks = await this.call<{ items: { head?: { frame: string } }[] }>("GET", "/stacks?context=*&limit=500");
      if (stacks.items.some(({ head }) => head?.frame === frame)) return;
    }
  }

  /** Returns the path of a stack's page, the same for everybody. */
  async pageOf(stack: string): Promise<string> {
    const { user, context, name } = await this.call<{ user: string; context: string; name: string }>(
      "GET",
      `/stack?ref=${encodeURIComponent(stack)}`,
    );
    return `/s/${user}/${context}/${name}`;
  }

  /** Calls its API as a program does. */
  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const raw = body instanceof Uint8Array;
    const { address, token } = this.client;
    const response = await fetch(`${address}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        "content-type": raw ? "application/octet-stream" : "application/json",
      },
      ...(body === undefined ? {} : { body: raw ? (body as BodyInit) : JSON.stringify(body) }),
    });
    const text = await response.text();
    const failed = !response.ok || text.includes('"step":"failed"');
    if (failed) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    // Of a long answer, the last line is the result.
    return JSON.parse(text.trimEnd().split("\n").at(-1) ?? "null") as T;
  }

  /** Pushes a frame as a program does, with all that a frame can have. */
  async pushFrame(stack: string, files: Pushing[], more: Record<string, unknown> = {}): Promise<string> {
    const named = [];
    for (const { path, bytes, ...rest } of files) {
      const { hash } = await this.call<{ hash: string }>("PUT", "/blobs", new Uint8Array(Buffer.from(bytes as string)));
      named.push({ path, hash, ...rest });
    }
    const done = await this.call<{ result: { frame: string } }>("POST", "/frames", { stack, files: named, ...more });
    return done.result.frame;
  }

  /** Who its user is. */
  async user(): Promise<string> {
    return (await this.call<{ user: string }>("GET", "/node")).user;
  }

  /** Writes a file and returns its path. */
  write(path: string, bytes: string | Buffer): string {
    const file = join(this.folder, "files", path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes);
    return file;
  }

  /** An address that logs a browser in, once. */
  async loginUrl(): Promise<string> {
    return (await this.cli("open", "--print")).trim();
  }

  /** Where its pages are. */
  get address(): string {
    return this.client.address;
  }

  private get client(): { address: string; token: string } {
    const file = readFileSync(join(this.home, "run", "client.json"), "utf8");
    return JSON.parse(file) as { address: string; token: string };
  }

  private get home(): string {
    return join(this.folder, "home");
  }

  private get environment(): NodeJS.ProcessEnv {
    const { PATH, DSP_WEB_FOLDER } = process.env;
    return {
      PATH,
      // A daemon built for development shows the files of a folder.
      // Pages that were built after the programs.
      ...(DSP_WEB_FOLDER === undefined ? {} : { DSP_WEB_FOLDER }),
      HOME: this.folder,
      DSP_USER_NAME: this.name,
      DSP_NET_MDNS: "false",
      DSP_NET_LISTEN: "/ip4/127.0.0.1/udp/0/quic-v1",
      DSP_HTTP_PORT: this.port,
      ...this.settings,
    };
  }
}
