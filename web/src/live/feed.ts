// What happens in the daemon, as it happens.
//
// A browser opens six connections to one address, and a stream of events takes one for as long as
// its page is open: the seventh page would hang. So one page of the browser, the leader, listens
// and tells the others. When it goes, another one takes its place.

import { signal } from "@preact/signals";

import type { Event as DaemonEvent } from "../api/schema";

/** How the connection to the daemon is. */
export type Link = "connecting" | "live" | "offline";

/** Hears what happens. */
export type Listener = (event: DaemonEvent) => void;

/** The connection as this page knows it. */
export const link = signal<Link>("connecting");

/** Whether this page listens for all of the browser. */
export const leads = signal(false);

/** What pages of one browser tell each other. */
type Told = { event: DaemonEvent } | { link: Link } | { asks: true };

const NAME = "dsp-events";
/** Every name of an event, as each has to be listened for. */
const NAMES: Record<DaemonEvent["event"], true> = {
  "stack.created": true,
  "stack.head_changed": true,
  "frame.added": true,
  "attachment.available": true,
  "board.changed": true,
  "board.editors": true,
  "comment.changed": true,
  "context.changed": true,
  "peer.connected": true,
  "peer.disconnected": true,
  "ticket.used": true,
  "transfer.progressed": true,
  "transfer.finished": true,
  "notification.changed": true,
  notice: true,
  resync: true,
};

const listeners = new Set<Listener>();

/** Calls `listener` for each event until the returned function is called. */
export function listen(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Begins to listen; called once for a page. */
export function start(): void {
  const others = new BroadcastChannel(NAME);
  others.onmessage = ({ data }: MessageEvent<Told>) => {
    if ("event" in data) deliver(data.event);
    else if ("link" in data) arrive(data.link);
  };
  others.postMessage({ asks: true } satisfies Told);
  // The lock is held until the page is closed.
  void navigator.locks.request(NAME, () => new Promise<never>(() => lead(others)));
}

function lead(others: BroadcastChannel): void {
  leads.value = true;
  const told = (message: Told) => others.postMessage(message);
  const change = (to: Link) => {
    arrive(to);
    told({ link: to });
  };
  const follow = others.onmessage;
  others.onmessage = (message: MessageEvent<Told>) => {
    if ("asks" in message.data) told({ link: link.value });
    else follow?.call(others, message);
  };
  // What the leader before did not tell is lost.
  if (link.value === "live") change("offline");
  const stream = new EventSource("/api/v1/events");
  stream.onopen = () => change("live");
  // The browser tries again by itself, and says which event it heard last.
  stream.onerror = () => {
    change("offline");
    if (stream.readyState === EventSource.CLOSED) setTimeout(() => lead(others), 2000);
  };
  for (const name of Object.keys(NAMES)) {
    stream.addEventListener(name, (message) => {
      const event = JSON.parse(message.data) as DaemonEvent;
      deliver(event);
      told({ event });
    });
  }
}

/** Takes in how the connection is; where it was lost, anything may have happened meanwhile. */
function arrive(next: Link): void {
  const back = next === "live" && link.value === "offline";
  link.value = next;
  if (back) deliver({ event: "resync" });
}

function deliver(event: DaemonEvent): void {
  for (const listener of listeners) listener(event);
}
