// What helps to find out why something does not work, without what is nobody else's business.

import type { ContextInfo, NodeStatus, PeerInfo, Setting, TransferInfo } from "./api/schema";

/** What it is made of. */
export interface Asked {
  at: Date;
  browser: string;
  node: NodeStatus;
  settings: readonly Setting[];
  contexts: readonly ContextInfo[];
  peers: readonly PeerInfo[];
  transfers: readonly TransferInfo[];
  /** The numbers of the daemon, as it counts them for Prometheus. */
  metrics: string;
}

/** Settings whose values may let somebody in. */
const SECRET = /token|secret|password|passphrase|key/i;
/** Ids, hashes, tokens and tickets: long runs of letters and digits that mean something elsewhere. */
const LONG = /\b(?:dsp_pat_)?[0-9a-zA-Z_-]{32,}\b/g;

/** Returns all of it as text: versions, addresses and numbers; no names, ids, tokens, or what anything holds. */
export function diagnostics(asked: Asked): string {
  const { at, browser, node, settings, contexts, peers, transfers, metrics } = asked;
  const devices = peers.flatMap((peer) => peer.devices);
  const said = {
    made: at.toISOString(),
    versions: { daemon: node.version, web: node.web, browser },
    running_since: node.started,
    addresses: { web: node.address, listening: node.listening.map((address) => address.replace(/\/p2p\/[^/]+/g, "")) },
    disk: { free_bytes: node.disk_free_bytes, used_bytes: node.used_bytes, quota_bytes: node.quota_bytes ?? null, full: node.disk_full },
    counts: {
      contexts: contexts.length,
      contexts_by_state: tally(contexts.map(({ state }) => state)),
      stacks: node.stacks,
      frames: contexts.reduce((sum, { frames }) => sum + frames, 0),
      bytes: contexts.reduce((sum, { bytes }) => sum + bytes, 0),
      bytes_here: contexts.reduce((sum, { bytes_here }) => sum + bytes_here, 0),
      peers: peers.length,
      devices: devices.length,
      devices_connected: devices.filter(({ connected }) => connected).length,
      transfers: transfers.length,
    },
    settings: Object.fromEntries(
      settings
        .filter(({ source }) => source !== "default")
        .map(({ name, value, source }) => [name, SECRET.test(name) || name.endsWith(".name") ? `(${source}, left out)` : `${value} (${source})`]),
    ),
    metrics: Object.fromEntries(
      metrics
        .split("\n")
        .filter((line) => line !== "" && !line.startsWith("#"))
        .map((line): [string, string] => [line.slice(0, line.lastIndexOf(" ")), line.slice(line.lastIndexOf(" ") + 1)]),
    ),
  };
  return JSON.stringify(said, null, 2).replaceAll(LONG, "…");
}

function tally(all: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const one of all) counts[one] = (counts[one] ?? 0) + 1;
  return counts;
}
