// What was pushed, by day. What comes while one reads waits above, so that nothing jumps.

import { useEffect, useRef, useState } from "preact/hooks";

import { byDay, heads, isWanted, keyOf, type Whose } from "../../activity";
import { useQuery } from "../../live/query";
import { listPeers } from "../../people";
import { Fresh } from "../../parts/fresh";
import { HappeningLine } from "../../parts/pushed";
import { useSeen } from "../../seen";
import { node } from "../../state";
import type { Listing } from "../../stacks";

/** How many of the latest pushes are shown. */
const LATEST = 40;

const WHOSE: Record<Whose, string> = { all: "Everybody", mine: "Mine", others: "Peers" };

/** What a push is known by. */
const pushOf = (one: Listing) => `${keyOf(one)} ${one.stack.head?.frame ?? ""}`;

/** The latest pushes. */
export function Activity({ listed }: { listed: Listing[] }) {
  const [whose, choose] = useState<Whose>("all");
  const [shown, show] = useState(listed);
  const seen = useSeen();
  const known = useRef(new Set(listed.map(pushOf)));
  const fresh = listed.filter((one) => !known.current.has(pushOf(one)));
  const take = () => {
    for (const one of listed) known.current.add(pushOf(one));
    show(listed);
  };
  // Where nothing is read yet, nothing can jump.
  useEffect(() => {
    if (shown.length === 0 && listed.length > 0) take();
  }, [listed]);
  const me = node.value?.user;
  const peers = useQuery("peers", listPeers, ({ event }) => event === "context.changed");
  const names = new Map((peers.data ?? []).map(({ user, name }) => [user, name]));
  const pushed = heads(shown).filter((one) => isWanted(one, whose, "", me)).slice(0, LATEST);
  return (
    <section aria-labelledby="activity" class="grid-gap activity">
      <div class="row section-head">
        <h2 id="activity">Activity</h2>
        <div class="row">
          <label>
            <span class="visually-hidden">Whose</span>
            <select class="field slim" value={whose} onChange={(event) => choose(event.currentTarget.value as Whose)}>
              {(Object.keys(WHOSE) as Whose[]).map((one) => (
                <option key={one} value={one}>
                  {WHOSE[one]}
                </option>
              ))}
            </select>
          </label>
          <a class="link small" href="/activity">
            all activity
          </a>
        </div>
      </div>
      <Fresh count={shown.length > 0 ? fresh.length : 0} take={take} />
      {pushed.length === 0 && (
        <p class="card grid-pad muted">
          {whose === "others" ? "Peers pushed nothing yet." : "What is pushed stands here the moment it is there."}
        </p>
      )}
      {byDay(pushed, new Date()).map(([day, ones]) => (
        <div key={day} class="grid-gap">
          <h3 class="day">{day}</h3>
          <ul class="card lines">
            {ones.map((one) => (
              <li key={one.key}>
                <HappeningLine one={one} names={names} unread={seen !== undefined && one.user !== me && one.time > seen} />
              </li>
            ))}
          </ul>
        </div>
      ))}
    </section>
  );
}
