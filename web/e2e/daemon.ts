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
    const file = readFileSync(join(this.home, "run", "client.json"), "utf8");
    return (JSON.parse(file) as { address: string }).address;
  }

  private get home(): string {
    return join(this.folder, "home");
  }

  private get environment(): NodeJS.ProcessEnv {
    const { PATH, DSP_WEB_FOLDER } = process.env;
    return {
      PATH,
      // Pages that were built after the programs.
      ...(DSP_WEB_FOLDER === undefined ? {} : { DSP_WEB_FOLDER }),
      HOME: this.folder,
      DSP_USER_NAME: this.name,
      DSP_NET_MDNS: "false",
      DSP_NET_LISTEN: "/ip4/127.0.0.1/udp/0/quic-v1",
      DSP_HTTP_PORT: this.port,
    };
  }
}
