import type { TransferInfo } from "../api/schema";
import { plain, short, size } from "../format";
import { left, pause, rate } from "../transfers";
import { Bar } from "./forms";
import { Icon } from "./icon";

/** One transfer: what of it is here, how fast, from whom. */
export function TransferLine({ transfer, again }: { transfer: TransferInfo; again: () => void }) {
  const comes = transfer.direction === "in";
  const who = [
    ...new Set(transfer.peers.map(({ user, device }) => plain(user?.name ?? short(device)))),
  ].slice(0, 3);
  const what = comes ? plain(transfer.label ?? "blobs") : "what you have";
  const name = comes ? `${what} from ${who.join(", ") || "nobody yet"}` : `${what} to ${who.join(", ")}`;
  const turn = async () => {
    await pause(!transfer.paused, transfer.id);
    again();
  };
  return (
    <li class="transfer">
      <span class={`way ${comes ? "in" : "out"}`}>
        <Icon name={comes ? "download" : "upload"} size={16} />
      </span>
      <span class="grow grid-tight">
        <span class="cut">
          {comes && transfer.context != null ? (
            <a href={`/c/${transfer.context}`}>
              <b>{what}</b>
            </a>
          ) : (
            <b>{what}</b>
          )}{" "}
          <span class="muted">
            {comes ? "from" : "to"} {who.join(", ") || "nobody yet"}
          </span>
        </span>
        {transfer.bytes_total != null && (
          <Bar part={transfer.bytes} whole={transfer.bytes_total} label={`Progress of ${name}`} />
        )}
        <span class="meta">
          <span>
            {size(transfer.bytes)}
            {transfer.bytes_total != null && ` of ${size(transfer.bytes_total)}`}
          </span>
          {transfer.paused ? <span class="badge warn">waits</span> : <span>{rate(transfer.rate)}</span>}
          {!transfer.paused && transfer.seconds_left != null && <span>{left(transfer.seconds_left)}</span>}
        </span>
      </span>
      <button
        type="button"
        class="button bare icon"
        aria-label={`${transfer.paused ? "Resume" : "Pause"} ${name}`}
        onClick={turn}
      >
        <Icon name={transfer.paused ? "play" : "pause"} size={16} />
      </button>
    </li>
  );
}
