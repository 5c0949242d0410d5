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

/** A daemon, and the person whose it is. */
export class Daemon {
  /** Any at first, and the same ever after: pages that are open go on. */
  private port = "0";

  private constructor(
    readonly name: string,
    private readonly folder: string,
  ) {}

  /** Starts a daemon in an empty home. */
  static async start(name: string): Promise<Daemon> {
    const folder = mkdtempSync(join(tmpdir(), `dsp-web-${name}-`));
    const daemon = new Daemon(name, folder);
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

  /** Pushes files that parameters tell apart, and returns the id of the frame. */
  async pushVariants(stack: string, files: { path: string; bytes: string | Buffer; params: object }[]): Promise<string> {
    const list = files.map(({ path, bytes, params }) => ({ path, source: this.write(`${stack}/${path}`, bytes), params }));
    const pushed = await this.call<{ frame: string }>("/frames", { stack, files: list, message: "" });
    return pushed.frame;
  }

  /** Pushes a file that is there. */
  async pushPath(stack: string, source: string): Promise<void> {
    await this.call("/frames", { stack, files: [{ path: "file", source }], message: "" });
  }

  /** Waits until this daemon lists a frame. */
  async lists(frame: string): Promise<void> {
    for (;;) {
      const stacks = await this.call<{ items: { head?: { frame: string } }[] }>("/stacks?context=*&limit=500");
      if (stacks.items.some(({ head }) => head?.frame === frame)) return;
    }
  }

  /** Returns the path of a stack's page, the same for everybody. */
  async pageOf(stack: string): Promise<string> {
    const { user, context, name } = await this.call<{ user: string; context: string; name: string }>(
      `/stack?ref=${encodeURIComponent(stack)}`,
    );
    return `/s/${user}/${context}/${name}`;
  }

  /** Calls the API, with a body where there is something to say. */
  async call<T>(path: string, body?: object): Promise<T> {
    const { address, token } = this.client;
    const answer = await fetch(`${address}/api/v1${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
    // What takes a while tells how far it is, a line each, and last what came of it.
    const lines = (await answer.text()).trim().split("\n");
    const last = JSON.parse(lines.at(-1) ?? "") as { step?: string; result?: T };
    if (last.step !== undefined && last.step !== "done") throw new Error(`${path}: ${lines.at(-1)}`);
    return last.step === undefined ? (last as T) : (last.result as T);
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
    return JSON.parse(readFileSync(join(this.home, "run", "client.json"), "utf8")) as { address: string; token: string };
  }

  private get home(): string {
    return join(this.folder, "home");
  }

  private get environment(): NodeJS.ProcessEnv {
    const { PATH, DSP_WEB_FOLDER } = process.env;
    return {
      PATH,
      ...(DSP_WEB_FOLDER === undefined ? {} : { DSP_WEB_FOLDER }),
      HOME: this.folder,
      DSP_USER_NAME: this.name,
      DSP_NET_MDNS: "false",
      DSP_NET_LISTEN: "/ip4/127.0.0.1/udp/0/quic-v1",
      DSP_HTTP_PORT: this.port,
    };
  }
}
