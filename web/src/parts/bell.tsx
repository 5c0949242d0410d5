// How many notifications are not read, and behind it the latest.

import { act } from "../acts";
import { useQuery } from "../live/query";
import { listNotifications, read } from "../notifications";
import { node } from "../state";
import { Icon } from "./icon";
import { NotificationLine } from "./notification-line";
import { Popover } from "./popover";
import { Known } from "./states";

/** Most that are shown in passing. */
const MOST = 8;

/** The bell of the top bar. */
export function Bell() {
  const unread = node.value?.unread ?? 0;
  const label = unread === 0 ? "Notifications" : `Notifications, ${unread} not read`;
  return (
    <>
      <button type="button" class="button bare icon bell" popovertarget="bell" aria-label={label} title={label}>
        <Icon name="bell" />
        {unread > 0 && <span aria-hidden="true">{unread > 99 ? "99+" : unread}</span>}
      </button>
      <Popover id="bell">{(close) => <Inside close={close} />}</Popover>
    </>
  );
}

function Inside({ close }: { close: () => void }) {
  const latest = useQuery(
    "latest notifications",
    () => listNotifications(MOST),
    ({ event }) => event === "notification.changed",
  );
  return (
    <div class="popover-body">
      <div class="row section-head">
        <h2>Notifications</h2>
        {latest.data?.some((one) => !one.read) && (
          <button type="button" class="button small" onClick={() => act(read())}>
            Mark all as read
          </button>
        )}
      </div>
      <Known query={latest} lines={3}>
        {(known) =>
          known.length === 0 ? (
            <p class="muted small">What others push, who comes in, and what needs you stands here.</p>
          ) : (
            <ul class="notifications">
              {known.map((one) => (
                <li key={one.id}>
                  <NotificationLine one={one} gone={close} />
                </li>
              ))}
            </ul>
          )
        }
      </Known>
      <a class="button" href="/notifications" onClick={close}>
        All notifications
      </a>
    </div>
  );
}
