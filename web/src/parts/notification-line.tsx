import { useLocation } from "preact-iso";

import type { NotificationInfo, NotificationKind } from "../api/schema";
import { plain } from "../format";
import { placeOfNotification, read } from "../notifications";
import { Avatar } from "./avatar";
import { Icon, type IconName } from "./icon";
import { Time } from "./time";

const ICONS: Record<NotificationKind, IconName> = {
  head: "stacks",
  ticket: "peers",
  offer: "plus",
  key: "key",
  disk: "alert",
  transfer: "transfers",
  notice: "bell",
};

/** One notification; pressed, it is read and leads to what it is about. */
export function NotificationLine({ one, gone }: { one: NotificationInfo; gone?: () => void }) {
  const { route } = useLocation();
  const open = async () => {
    if (!one.read) await read(one.id);
    gone?.();
    route(await placeOfNotification(one));
  };
  const warns = one.kind === "key" || one.kind === "disk" || one.kind === "transfer";
  return (
    <button type="button" class={`notification ${one.read ? "" : "new"}`} onClick={open}>
      {one.user != null && !warns ? (
        <Avatar user={one.user.user} name={one.user.name} />
      ) : (
        <span class={`way ${warns ? "warn" : ""}`}>
          <Icon name={ICONS[one.kind]} size={16} />
        </span>
      )}
      <span class="grow">
        <span class="block">{plain(one.text)}</span>
        <span class="muted small">
          <Time at={one.at} />
        </span>
      </span>
      {!one.read && (
        <span class="unread">
          <span class="visually-hidden">not read</span>
        </span>
      )}
    </button>
  );
}
