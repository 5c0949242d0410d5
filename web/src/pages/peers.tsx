import { all, answer, api } from "../api/client";
import type { PeerInfo } from "../api/schema";
import { plain } from "../format";
import { useQuery } from "../live/query";
import { Copy } from "../parts/copy";
import { Empty, Known } from "../parts/states";
import { Time } from "../parts/time";
import { useTitle } from "../title";

/** Who else is there. */
export function Peers() {
  useTitle("Peers");
  const peers = useQuery(
    "peers",
    () =>
      all<PeerInfo>((cursor) =>
        answer(api.GET("/api/v1/peers", { params: { query: { limit: 500, ...(cursor ? { cursor } : {}) } } })),
      ),
    ({ event }) => event.startsWith("peer.") || event === "context.changed",
  );
  return (
    <div class="page">
      <header>
        <h1>Peers</h1>
      </header>
      <Known query={peers}>
        {(known) =>
          known.length === 0 ? (
            <Empty icon="peers" title="Nobody yet">
              <p>Share a context and send the ticket; who follows it stands here, and so does whom you follow.</p>
              <Copy text="dsp share main" label="Copy the line that shares" />
            </Empty>
          ) : (
            <ul class="peer-list">
              {known.map((peer) => (
                <Peer key={peer.user} peer={peer} />
              ))}
            </ul>
          )
        }
      </Known>
    </div>
  );
}

function Peer({ peer }: { peer: PeerInfo }) {
  const connected = peer.devices.filter((device) => device.connected);
  const seen = peer.devices.flatMap((device) => device.seen ?? []).sort().at(-1);
  return (
    <li class="card peer">
      <div class="row">
        <span class={`dot ${connected.length > 0 ? "good" : ""}`} aria-hidden="true" />
        <h2 class="cut">{plain(peer.name)}</h2>
        {peer.blocked ? (
          <span class="badge bad">blocked</span>
        ) : peer.verified ? (
          <span class="badge good">verified</span>
        ) : (
          <span class="badge">not compared</span>
        )}
      </div>
      <p class="meta">
        {connected.length > 0 ? (
          <span>connected</span>
        ) : seen === undefined ? (
          <span>never seen</span>
        ) : (
          <span>
            last seen <Time at={seen} />
          </span>
        )}
        <span>{peer.contexts.length === 0 ? "no context in common" : plain(peer.contexts.join(", "))}</span>
      </p>
    </li>
  );
}
