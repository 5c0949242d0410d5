// Notifications: listed, read, and shown on the desktop where that is wanted.

import { effect, signal } from "@preact/signals";

import { all, answer, api } from "./api/client";
import type { NotificationInfo } from "./api/schema";
import { plain } from "./format";
import { leads, listen } from "./live/feed";
import { listContexts } from "./stacks";
import { stackPath } from "./ref";

const KEY = "dsp-desktop";

/** Whether notifications are shown on the desktop; kept in this browser. */
export const desktop = signal(stored() && allowed());

effect(() => {
  try {
    localStorage.setItem(KEY, String(desktop.value));
  } catch {
    // A browser that stores nothing forgets the choice, and nothing else.
  }
});

/** Returns the notifications, the latest first. */
export function listNotifications(most = 500): Promise<NotificationInfo[]> {
  return all<NotificationInfo>(
    (cursor) =>
      answer(
        api.GET("/api/v1/notifications", {
          params: { query: { limit: Math.min(most, 500), ...(cursor ? { cursor } : {}) } },
        }),
      ),
    most,
  );
}

/** Marks one as read; all where none is named. */
export function read(id?: number) {
  return answer(api.POST("/api/v1/notifications/read", { body: id === undefined ? {} : { id } }));
}

/** Where one leads. */
export async function placeOfNotification(one: NotificationInfo): Promise<string> {
  if (one.kind === "offer") return "/peers";
  if (one.kind === "disk") return "/settings/storage";
  if (one.kind === "transfer") return "/transfers";
  if ((one.kind === "head" || one.kind === "comment") && one.context != null && one.user != null && one.stack != null) {
    const context = (await listContexts()).find(({ id }) => id === one.context);
    if (context) return stackPath({ user: one.user.user, context: context.name, name: one.stack });
  }
  if (one.kind === "comment" && one.board != null) return `/d/${one.board}`;
  if (one.kind === "ticket" && one.context != null) return `/c/${one.context}?view=members`;
  if (one.user != null) return `/peers/${one.user.user}`;
  return one.context == null ? "/notifications" : `/c/${one.context}`;
}

/** Chooses whether they are shown on the desktop; tells whether they are. */
export async function wantDesktop(on: boolean): Promise<boolean> {
  if (on && "Notification" in globalThis && Notification.permission === "default") {
    await Notification.requestPermission();
  }
  desktop.value = on && allowed();
  return desktop.value;
}

/** Shows what is new on the desktop, on one page of the browser; called once. */
export function showOnDesktop(): void {
  let last: number | undefined;
  const look = async (show: boolean) => {
    const newest = await listNotifications(10).catch(() => []);
    const fresh = newest.filter(({ id, read: seen }) => !seen && last !== undefined && id > last);
    last = Math.max(last ?? 0, ...newest.map(({ id }) => id));
    if (!show || !leads.value || !desktop.value || document.visibilityState === "visible") return;
    for (const one of fresh.slice(0, 3).reverse()) {
      const shown = new Notification("dsp", { body: plain(one.text), tag: `dsp-${one.id}` });
      shown.onclick = () => {
        window.focus();
        void placeOfNotification(one).then((place) => location.assign(place));
      };
    }
  };
  void look(false);
  listen(({ event }) => {
    if (event === "notification.changed") void look(true);
  });
}

function allowed(): boolean {
  return "Notification" in globalThis && Notification.permission === "granted";
}

function stored(): boolean {
  try {
    return localStorage.getItem(KEY) === "true";
  } catch {
    return false;
  }
}
