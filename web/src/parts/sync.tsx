// The state of the connection in the top bar, and behind it what moves now.

import { link } from "../live/feed";
import { node } from "../state";
import { pause, rate, speed, useTransfers } from "../transfers";
import { Icon } from "./icon";
import { Popover } from "./popover";
import { Known } from "./states";
import { TransferLine } from "./transfer-line";

/** Most transfers that are shown in passing. */
const MOST = 5;

/** How the daemon is connected; pressed, it shows the transfers. */
export function Sync() {
  const peers = node.value?.peers_connected ?? 0;
  const moving = node.value?.transfers ?? 0;
  const state = link.value;
  const said = state === "live" ? (peers === 1 ? "1 peer" : `${peers} peers`) : state;
  return (
    <>
      <div class="sync">
        <span class={`dot ${state === "live" ? (peers > 0 ? "good" : "") : "warn"}`} aria-hidden="true" />
        <span class="meta" role="status">
          {said}
        </span>
        {moving > 0 && (
          <span class="turns" aria-hidden="true">
            <Icon name="transfers" size={14} />
          </span>
        )}
        <button type="button" popovertarget="transfers" aria-label="Transfers" title="Transfers" />
      </div>
      <Popover id="transfers">{(close) => <Inside close={close} />}</Popover>
    </>
  );
}

function Inside({ close }: { close: () => void }) {
  const transfers = useTransfers();
  return (
    <div class="popover-body">
      <Known query={transfers} lines={3}>
        {({ transfers: list, paused }) => (
          <>
            <div class="row section-head">
              <h2>Transfers</h2>
              <button
                type="button"
                class="button small"
                onClick={async () => {
                  await pause(!paused);
                  transfers.again();
                }}
              >
                {paused ? "Resume all" : "Pause all"}
              </button>
            </div>
            <p class="meta">
              <span>↓ {rate(speed(list, "in"))}</span>
              <span>↑ {rate(speed(list, "out"))}</span>
              {paused && <span class="badge warn">all wait</span>}
            </p>
            {list.length === 0 ? (
              <p class="muted small">Nothing is under way.</p>
            ) : (
              <ul class="lines">
                {list.slice(0, MOST).map((one) => (
                  <TransferLine key={one.id} transfer={one} again={transfers.again} />
                ))}
              </ul>
            )}
          </>
        )}
      </Known>
      <a class="button" href="/transfers" onClick={close}>
        All transfers and limits
      </a>
    </div>
  );
}
