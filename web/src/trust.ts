// Whose scripts may run in a frame: one's own, those of people whose id was compared or whose code
// may run here, and of other stacks those that were allowed in this browser.

import { signal } from "@preact/signals";

import { answer, api } from "./api/client";
import type { PeerInfo } from "./api/schema";
import { type Query, useQuery } from "./live/query";

const KEY = "dsp-scripts";
/** Most stacks that are remembered. */
const MOST = 500;

/** The stacks of others whose scripts were allowed in this browser. */
const allowed = signal<ReadonlySet<string>>(new Set(stored()));

/** Why scripts of a stack run, or that they do not. */
export type Leave = "trusted" | "allowed" | "none";

/** What is known of whose scripts they are. */
export interface Scripts {
  /** Whether it is known yet. */
  readonly known: boolean;
  readonly leave: Leave;
  /** Whose they are. */
  readonly owner: string;
  /** Allows them, or takes that back. */
  readonly allow: (yes: boolean) => void;
}

/** Tells whether scripts of the stack of an attachment may run. */
export function useScripts(reference: string): Scripts {
  const user = reference.slice(0, Math.max(0, reference.indexOf("/")));
  const stack = stackOf(reference);
  const peer: Query<PeerInfo> = useQuery(
    `peer ${user}`,
    () => answer(api.GET("/api/v1/peers/{user}", { params: { path: { user: user || "me" } } })),
  );
  const trusted = peer.data !== undefined && (peer.data.verified || peer.data.trust?.code === true);
  return {
    known: peer.data !== undefined || peer.error !== undefined,
    leave: trusted ? "trusted" : allowed.value.has(stack) ? "allowed" : "none",
    owner: peer.data?.name ?? user,
    allow: (yes) => {
      const rest = [...allowed.peek()].filter((one) => one !== stack);
      allowed.value = new Set(yes ? [...rest, stack].slice(-MOST) : rest);
      store([...allowed.peek()]);
    },
  };
}

/** Returns the stack of a reference, without its revision and attachment. */
export function stackOf(reference: string): string {
  const [named = ""] = reference.split("#", 1);
  return named.split("@", 1)[0] ?? "";
}

function stored(): string[] {
  try {
    const known: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(known) ? known.filter((one) => typeof one === "string") : [];
  } catch {
    return [];
  }
}

function store(stacks: string[]): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(stacks));
  } catch {
    // A browser that stores nothing asks again.
  }
}
