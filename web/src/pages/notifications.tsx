// What happened that one may want to know.

import { useState } from "preact/hooks";

import { act } from "../acts";
import type { NotificationInfo } from "../api/schema";
import { dayOf } from "../format";
import { useQuery } from "../live/query";
import { listNotifications, read } from "../notifications";
import { NotificationLine } from "../parts/notification-line";
import { Empty, Known } from "../parts/states";
import { useTitle } from "../title";

/** All notifications that are kept. */
export function Notifications() {
  useTitle("Notifications");
  const [fresh, only] = useState(false);
  const all = useQuery(
    "notifications",
    () => listNotifications(),
    ({ event }) => event === "notification.changed",
  );
  const unread = all.data?.filter((one) => !one.read).length ?? 0;
  return (
    <div class="page narrow-ish">
      <header class="row page-head">
        <h1>Notifications</h1>
        <div class="row wrap">
          <a class="button bare" href="/settings/notifications">
            Settings
          </a>
          <button type="button" class="button" aria-pressed={fresh} onClick={() => only(!fresh)}>
            {fresh ? "Show all" : `Not read: ${unread}`}
          </button>
          <button type="button" class="button primary" disabled={unread === 0} onClick={() => act(read())}>
            Mark all as read
          </button>
        </div>
      </header>
      <Known query={all} lines={8}>
        {(known) => {
          const shown = fresh ? known.filter((one) => !one.read) : known;
          if (shown.length > 0) return <Days all={shown} />;
          return (
            <Empty icon="bell" title={fresh ? "All is read" : "Nothing yet"}>
              <p>What others push, who comes in by a ticket, changed keys, a full disk: it stands here, also after a restart.</p>
            </Empty>
          );
        }}
      </Known>
    </div>
  );
}

function Days({ all }: { all: NotificationInfo[] }) {
  const days = new Map<string, NotificationInfo[]>();
  for (const one of all) {
    const day = dayOf(new Date(one.at), new Date());
    days.set(day, [...(days.get(day) ?? []), one]);
  }
  return (
    <>
      {[...days].map(([day, ones]) => (
        <section key={day} class="grid-gap" aria-label={day}>
          <h2 class="day">{day}</h2>
          <ul class="card notifications lines">
            {ones.map((one) => (
              <li key={one.id}>
                <NotificationLine one={one} />
              </li>
            ))}
          </ul>
        </section>
      ))}
    </>
  );
}
