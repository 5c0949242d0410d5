// Users, tickets and offers as pages need them.

import { all, answer, api, type Listed } from "./api/client";
import type { MemberInfo, OfferInfo, PeerInfo, RoleName, TicketInfo } from "./api/schema";
import { plain } from "./format";
import type { Event as DaemonEvent } from "./api/schema";

const LIMIT = 500;

/** Returns all users that this node knows. */
export function listPeers(): Promise<PeerInfo[]> {
  return every((query) => api.GET("/api/v1/peers", { params: { query } }));
}

/** Returns the tickets that were made here, or those of one context. */
export function listTickets(context?: string): Promise<TicketInfo[]> {
  const of = context === undefined ? {} : { context };
  return every((query) => api.GET("/api/v1/tickets", { params: { query: { ...query, ...of } } }));
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

/** What a user is called here, and when she was last there. */
export function presence(peer: PeerInfo): { connected: boolean; seen: string | undefined } {
  const connected = peer.devices.some((device) => device.connected);
  return { connected, seen: peer.devices.flatMap((device) => device.seen ?? []).sort().at(-1) };
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
