import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";

import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

import { version } from "./package.json" with { type: "json" };

/** Where the daemon's build looks for the files. */
const OUT = "embed/ui";

/** From how many bytes on a file is packed as well as can be: a library, which seldom changes. */
const LARGE = 1 << 20;

/** Packs bytes as well as can be, which takes seconds, unless they were packed before. */
function packedOnce(bytes: Buffer): Buffer {
  const folder = "node_modules/.packed";
  const kept = join(folder, `${createHash("sha256").update(bytes).digest("hex")}.br`);
  if (existsSync(kept)) return readFileSync(kept);
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24 };
  const packed = brotliCompressSync(bytes, { params });
  mkdirSync(folder, { recursive: true });
  // Under its name it is whole.
  writeFileSync(`${kept}.part`, packed);
  renameSync(`${kept}.part`, kept);
  return packed;
}

/**
 * Compresses what was built and writes last what it was made of: the daemon embeds the files as
 * they are sent. Releases take the time for the highest quality, `DSP_BROTLI=11`.
 */
function packed(): Plugin {
  return {
    name: "packed",
    apply: "build",
    closeBundle() {
      const quality = Number(process.env.DSP_BROTLI ?? 9);
      const hash = createHash("sha256");
      const files = readdirSync(OUT, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
      for (const path of files.map((entry) => join(entry.parentPath, entry.name)).sort()) {
        const bytes = readFileSync(path);
        hash.update(path).update("\0").update(bytes);
        const params = {
          [constants.BROTLI_PARAM_QUALITY]: quality,
          [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
        };
        const whole = () => brotliCompressSync(bytes, { params });
        writeFileSync(`${path}.br`, bytes.length < LARGE ? whole() : packedOnce(bytes));
        rmSync(path);
      }
      writeFileSync(join(OUT, "stamp.txt"), `${version} (${hash.digest("hex").slice(0, 8)})\n`);
    },
  };
}

/** Bokeh as its authors built it: no bundler takes it apart without breaking it. */
function bokeh(): Plugin {
  const folder = "node_modules/@bokeh/bokehjs";
  const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version: string };
  return {
    name: "bokeh",
    apply: "build",
    generateBundle() {
      for (const part of ["bokeh", "bokeh-widgets", "bokeh-tables", "bokeh-gl"]) {
        const source = readFileSync(join(folder, "build/js", `${part}.min.js`));
        this.emitFile({ type: "asset", fileName: `assets/bokeh-${version}/${part}.min.js`, source });
      }
    },
  };
}

/** What a lock file says of a package. */
interface Locked {
  version?: string;
  license?: string;
  dev?: boolean;
}

/** Returns the licences of a package that names them as was once done. */
function older(path: string): string {
  const { licenses = [] } = JSON.parse(readFileSync(join(path, "package.json"), "utf8")) as { licenses?: { type: string }[] };
  return licenses.map(({ type }) => type).join(" OR ");
}

/** Tells pages which packages of others they are made of: `virtual:licences`. */
function licences(): Plugin {
  const name = "virtual:licences";
  return {
    name: "licences",
    resolveId: (id) => (id === name ? `\0${name}` : undefined),
    load(id) {
      if (id !== `\0${name}`) return undefined;
      const lock = JSON.parse(readFileSync("package-lock.json", "utf8")) as { packages: Record<string, Locked> };
      const parts = Object.entries(lock.packages)
        .filter(([path, { dev }]) => path !== "" && dev !== true)
        .map(([path, { version, license }]) => [path.replace(/^.*node_modules\//, ""), version, license ?? older(path)]);
      return `export default ${JSON.stringify(parts)}`;
    },
  };
}

export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  plugins: [bokeh(), licences(), packed()],
  // `DSP_DAEMON=http://127.0.0.1:7700 npx vite` shows the pages of a daemon that runs.
  server: {
    proxy: {
      "^/(api/|login|style.css)": {
        target: process.env.DSP_DAEMON ?? "http://127.0.0.1:7700",
        changeOrigin: true,
      },
    },
  },
  build: {
    outDir: OUT,
    emptyOutDir: true,
    target: "es2022",
    // The policy of the pages allows no `data:` for scripts and styles.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // The page, and the one in the frames that draw figures of others.
    rolldownOptions: { input: ["index.html", "render.html"] },
  },
  test: {
    environment: "happy-dom",
    include: ["src/**/*.test.{ts,tsx}"],
  },
});
