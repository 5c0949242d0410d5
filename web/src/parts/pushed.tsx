// One line of what happened.

import type { Happening } from "../activity";
import { count, plain, short } from "../format";
import { stackPath } from "../ref";
import { placeOf } from "../stacks";
import { node } from "../state";
import { Avatar } from "./avatar";
import { NotificationLine } from "./notification-line";
import { Thumbnail } from "./thumbnail";
import { Time } from "./time";

/** A push, a dashboard that was changed, or a notice; `unread` where it came since one looked last. */
export function HappeningLine({ one, names, unread }: { one: Happening; names: ReadonlyMap<string, string>; unread: boolean }) {
  if (one.kind === "notice") return <NotificationLine one={one.one} />;
  const mine = one.user === node.value?.user;
  const name = mine ? (node.value?.name ?? "me") : (names.get(one.user) ?? short(one.user));
  const who = (
    <span class="muted small when">
      {mine ? "me" : plain(name)} · <Time at={one.time} />
      {unread && (
        <span class="unread">
          <span class="visually-hidden">new</span>
        </span>
      )}
    </span>
  );
  if (one.kind === "dashboard") {
    const { board } = one;
    return (
      <a class="pushed" href={`/d/${board.id}`}>
        <Avatar user={one.user} name={name} />
        <span class="grow grid-tight">
          <b class="cut">{plain(board.title || "Dashboard")}</b>
          <span class="cut muted small">dashboard of {count(board.cards, "card")}</span>
        </span>
        {who}
      </a>
    );
  }
  const { listing, frame } = one;
  const place = placeOf(listing);
  const facts = [
    frame.number === undefined ? "" : `frame ${frame.number}`,
    frame.files === undefined ? "" : count(frame.files, "file"),
  ].filter((fact) => fact !== "");
  return (
    <a class="pushed" href={stackPath(frame.head ? place : { ...place, rev: frame.id })}>
      <Avatar user={one.user} name={name} />
      <span class="grow grid-tight">
        <b class="cut">{plain(listing.stack.name)}</b>
        <span class="cut muted small">{plain(frame.message || (listing.context?.label ?? ""))}</span>
        {facts.length > 0 && <span class="cut muted tiny">{facts.join(" · ")}</span>}
      </span>
      {frame.head && <Thumbnail listing={listing} />}
      {who}
    </a>
  );
}
