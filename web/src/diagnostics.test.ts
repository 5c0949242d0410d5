import { expect, it } from "vitest";

import { type Asked, diagnostics } from "./diagnostics";

const ID = "0123456789abcdef".repeat(4);

const asked = {
  at: new Date("2026-11-23T00:00:00Z"),
  browser: "Firefox/140",
  node: {
    version: "0.1.0", web: "0.1.0 (ab)", started: "2026-11-22T00:00:00Z", address: "http://127.0.0.1:7700", name: "alice", user: ID,
    device_name: "alices-laptop", home: "/home/alice/.dsp", listening: [`/ip4/10.0.0.2/udp/4001/quic-v1/p2p/${ID}`], stacks: 2,
    disk_free_bytes: 1, used_bytes: 2, disk_full: false,
  },
  settings: [
    { name: "net.mdns", value: "false", source: "env", about: "", restart: true },
    { name: "user.name", value: "alice", source: "file", about: "", restart: false },
    { name: "http.token", value: "dsp_pat_shortone", source: "file", about: "", restart: false },
    { name: "log.level", value: "info", source: "default", about: "", restart: false },
  ],
  contexts: [{ name: "plans", label: "plans", state: "followed", frames: 3, bytes: 10, bytes_here: 4 }],
  peers: [{ user: ID, name: "bob", devices: [{ connected: true }, { connected: false }] }],
  transfers: [],
  metrics: `# HELP dsp_x A number\ndsp_x{kind="a"} 3\ndsp_peer{id="${ID}"} 1\n`,
} as unknown as Asked;

it("says versions, addresses and numbers", () => {
  const said = JSON.parse(diagnostics(asked)) as Record<string, Record<string, unknown>>;
  expect(said.versions).toEqual({ daemon: "0.1.0", web: "0.1.0 (ab)", browser: "Firefox/140" });
  expect(said.addresses?.listening).toEqual(["/ip4/10.0.0.2/udp/4001/quic-v1"]);
  expect(said.counts).toMatchObject({ stacks: 2, frames: 3, bytes: 10, peers: 1, devices: 2, devices_connected: 1 });
  expect(said.settings).toMatchObject({ "net.mdns": "false (env)" });
  expect(said.metrics).toMatchObject({ 'dsp_x{kind="a"}': "3" });
});

it("tells nobody who one is, whom one knows, and how to get in", () => {
  const said = diagnostics(asked);
  for (const secret of [ID, "alice", "bob", "plans", "shortone"]) expect(said).not.toContain(secret);
  const token = diagnostics({ ...asked, metrics: `dsp_y{t="dsp_pat_${"a1".repeat(20)}"} 1` });
  expect(token).not.toContain("a1a1");
});
