// The crates of others that the programs are made of, as the page "About" names them.

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "../..");
const KEPT = join(ROOT, "web/src/pages/settings/crates.json");

interface Metadata {
  packages: { id: string; name: string; version: string; license: string | null; source: string | null }[];
  resolve: { nodes: { id: string; deps: { pkg: string; dep_kinds: { kind: string | null }[] }[] }[] };
  workspace_members: string[];
}

/** What stands in `dsp` and `dspd`, found along what they need when they run. */
function crates(): [name: string, version: string, licence: string][] {
  // Those of Linux, whose tests have just been built: nothing is fetched for this.
  const args = ["metadata", "--locked", "--format-version", "1", "--filter-platform", "x86_64-unknown-linux-gnu"];
  const { packages, resolve } = JSON.parse(
    execFileSync("cargo", args, { cwd: ROOT, encoding: "utf8", maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "pipe"] }),
  ) as Metadata;
  const known = new Map(packages.map((one) => [one.id, one]));
  const needs = new Map(resolve.nodes.map(({ id, deps }) => [id, deps]));
  const found = new Set(packages.filter(({ name, source }) => source === null && /^dsp-(cli|daemon)$/.test(name)).map(({ id }) => id));
  for (const id of found) {
    for (const { pkg, dep_kinds } of needs.get(id) ?? []) if (dep_kinds.some(({ kind }) => kind === null)) found.add(pkg);
  }
  return [...found]
    .flatMap((id) => known.get(id) ?? [])
    .filter(({ source }) => source !== null)
    .map(({ name, version, license }): [string, string, string] => [name, version, license ?? "its own"])
    .sort(([a, of], [b, than]) => (a === b ? (of < than ? -1 : 1) : a < b ? -1 : 1));
}

it("are named with their licences", () => {
  const now = crates();
  expect(now.length).toBeGreaterThan(100);
  if (process.env.DSP_UPDATE === "1") writeFileSync(KEPT, `[\n${now.map((one) => JSON.stringify(one)).join(",\n")}\n]\n`);
  expect(JSON.parse(readFileSync(KEPT, "utf8")), "DSP_UPDATE=1 writes the list anew").toEqual(now);
});
