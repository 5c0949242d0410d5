// Users, tickets and offers as pages need them.

import { useEffect } from "preact/hooks";

import { all, answer, api, type Listed } from "./api/client";
import type { KeyChange, MemberInfo, OfferInfo, PeerInfo, RoleName, TicketInfo } from "./api/schema";
import { plain } from "./format";
import type { Event as DaemonEvent } from "./api/schema";

const LIMIT = 500;
/** How often the daemon measures how far others are, in milliseconds. */
const PINGS = 15_000;

/** Returns all users that this node knows. */
export function listPeers(): Promise<PeerInfo[]> {
  return every((query) => api.GET("/api/v1/peers", { params: { query } }));
}

/** Returns the tickets that were made here, or those of one context. */
export function listTickets(context?: string): Promise<TicketInfo[]> {
  const of = context === undefined ? {} : { context };
  return every((query) => api.GET("/api/v1/tickets", { params: { query: { ...query, ...of } } }));
}

/** Returns what the identity log of a user says, the beginning first. */
export function listKeys(user: string): Promise<KeyChange[]> {
  const path = { user };
  return every((query) => api.GET("/api/v1/peers/{user}/keys", { params: { path, query } }));
}

/** Returns the contexts that others offer, declined ones last. */
export async function listOffers(): Promise<OfferInfo[]> {
  const offers = await every<OfferInfo>((query) => api.GET("/api/v1/offers", { params: { query } }));
  return offers.sort((a, b) => Number(a.declined) - Number(b.declined));
}

/** Returns who is in a context, and who was removed. */
export function listMembers(context: string): Promise<MemberInfo[]> {
  return every((query) =>
    api.GET("/api/v1/contexts/{context}/members", { params: { path: { context }, query } }),
  );
}

/** Whether a list of users may be another one after an event. */
export function movesPeople({ event }: DaemonEvent): boolean {
  return event.startsWith("peer.") || event === "context.changed" || event === "ticket.used";
}

/** Whether a user is there, how far away in milliseconds, and when she was last there. */
export interface Presence {
  connected: boolean;
  /** Of her nearest device. */
  latency: number | undefined;
  seen: string | undefined;
}

/** Returns whether a user is there, by any of her devices. */
export function presence(peer: Pick<PeerInfo, "devices">): Presence {
  const there = peer.devices.filter((device) => device.connected);
  const latencies = there.flatMap((device) => device.latency_ms ?? []);
  return {
    connected: there.length > 0,
    latency: latencies.length === 0 ? undefined : Math.min(...latencies),
    seen: peer.devices.flatMap((device) => device.seen ?? []).sort().at(-1),
  };
}

/** Asks again for how far others are, which no event tells; pings go out as often. */
export function useLatencies(again: () => void): void {
  useEffect(() => {
    const asking = setInterval(() => document.visibilityState === "visible" && again(), PINGS);
    return () => clearInterval(asking);
  }, [again]);
}

/** Returns how a device is reached, by its address: over TCP or QUIC. */
export function transportOf(address: string | null | undefined): string | undefined {
  if (address == null) return undefined;
  return /\/quic(-v1)?(\/|$)/.test(address) ? "QUIC" : /\/tcp\//.test(address) ? "TCP" : undefined;
}

/** Whether a ticket still lets somebody in. */
export function isOpen(ticket: TicketInfo, now: Date): boolean {
  const over = ticket.until != null && new Date(ticket.until) <= now;
  return !ticket.revoked && !over && (ticket.uses == null || ticket.admitted.length < ticket.uses);
}

/** What a role lets somebody do. */
export const ROLES: Record<Exclude<RoleName, "none">, string> = {
  reader: "reads",
  writer: "reads and pushes",
  owner: "everything, also who else is in",
};

/** Names of users in a sentence. */
export function names(users: { name: string }[]): string {
  return users.map(({ name }) => plain(name)).join(", ");
}

type Asked = { data?: unknown; error?: unknown; response: Response };

function every<T>(page: (query: { limit: number; cursor?: string }) => Promise<Asked>): Promise<T[]> {
  return all<T>((cursor) => {
    const asked = page({ limit: LIMIT, ...(cursor === undefined ? {} : { cursor }) });
    return answer(asked as Promise<Asked & { data?: Listed<T> }>);
  });
}
