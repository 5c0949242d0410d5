import { describe, expect, it } from "vitest";

import type { PeerDevice } from "./api/schema";
import { presence, transportOf } from "./people";

const device = (said: Partial<PeerDevice>): PeerDevice => ({ device: "d", name: "n", connected: false, revoked: false, ...said });

describe("presence", () => {
  it("is that of the nearest device that is there", () => {
    const devices = [
      device({ connected: true, latency_ms: 12, seen: "2026-01-01T00:00:00Z" }),
      device({ connected: true, latency_ms: 3.4, seen: "2026-01-02T00:00:00Z" }),
      device({ latency_ms: 0.1 }),
    ];
    expect(presence({ devices })).toEqual({ connected: true, latency: 3.4, seen: "2026-01-02T00:00:00Z" });
    expect(presence({ devices: [device({})] })).toEqual({ connected: false, latency: undefined, seen: undefined });
    expect(presence({ devices: [device({ connected: true })] }).latency).toBeUndefined();
  });
});

it("reads over what a device is reached off its address", () => {
  expect(transportOf("/ip4/10.0.0.2/udp/4001/quic-v1")).toBe("QUIC");
  expect(transportOf("/dns/example.org/tcp/4001")).toBe("TCP");
  expect(transportOf("/ip4/10.0.0.2/udp/53")).toBeUndefined();
  expect(transportOf(undefined)).toBeUndefined();
});
