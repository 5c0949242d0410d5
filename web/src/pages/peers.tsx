// Who else is there, and how one comes together.

import "../styles/people.css";

import { useState } from "preact/hooks";

import type { NodeStatus, PeerInfo, TransferInfo } from "../api/schema";
import { milliseconds, plain, short } from "../format";
import { useQuery } from "../live/query";
import { listPeers, movesPeople, presence, useLatencies } from "../people";
import { Avatar } from "../parts/avatar";
import { Copy } from "../parts/copy";
import { Section } from "../parts/forms";
import { Icon } from "../parts/icon";
import { Bones, Empty, Known } from "../parts/states";
import { Time } from "../parts/time";
import { node } from "../state";
import { rate, speed, withUser, useTransfers } from "../transfers";
import { useTitle } from "../title";
import { Invite } from "./peers/invite";
import { Offers } from "./peers/offers";
import { Tickets } from "./peers/tickets";

/** Who else is there. */
export function Peers() {
  useTitle("Peers");
  const [invites, invite] = useState(false);
  const peers = useQuery("peers", listPeers, movesPeople);
  useLatencies(peers.again);
  const transfers = useTransfers();
  return (
    <div class="page">
      <header class="row page-head">
        <h1>Peers</h1>
        <div class="row">
          <a class="button" href="/join">
            Follow by ticket
          </a>
          <button type="button" class="button primary" onClick={() => invite(true)}>
            <Icon name="plus" size={16} /> Invite
          </button>
        </div>
      </header>
      <Offers />
      <Section title="People" id="people">
        <Known query={peers}>
          {(known) =>
            known.length === 0 ? (
              <Empty icon="peers" title="Nobody yet">
                <p>Invite somebody to a context, or follow one of theirs: who you meet stands here.</p>
                <button type="button" class="button primary" onClick={() => invite(true)}>
                  Invite somebody
                </button>
              </Empty>
            ) : (
              <People peers={known} transfers={transfers.data?.transfers ?? []} />
            )
          }
        </Known>
      </Section>
      <Section title="Open invitations" id="invitations" about="Who holds one comes in until it ends, is used up, or is revoked.">
        <Tickets />
      </Section>
      <Section title="This node" id="this">
        {node.value ? <This node={node.value} /> : <Bones />}
      </Section>
      {invites && <Invite close={() => invite(false)} />}
    </div>
  );
}

function People({ peers, transfers }: { peers: PeerInfo[]; transfers: TransferInfo[] }) {
  const sorted = [...peers].sort(
    (a, b) =>
      Number(a.blocked) - Number(b.blocked) ||
      Number(presence(b).connected) - Number(presence(a).connected) ||
      a.name.localeCompare(b.name),
  );
  return (
    <ul class="card lines people">
      {sorted.map((peer) => (
        <li key={peer.user}>
          <a class="person" href={`/peers/${peer.user}`}>
            <Avatar user={peer.user} name={peer.name} on={presence(peer).connected} />
            <span class="who">
              <b class="cut">{plain(peer.name)}</b>
              <span class="muted cut">
                {peer.own_name === peer.name ? short(peer.user) : `calls herself ${plain(peer.own_name)}`}
              </span>
            </span>
            <span class="trust">
              <Trust peer={peer} />
            </span>
            <span class="contexts cut muted">
              {peer.contexts.length === 0 ? "no context in common" : plain(peer.contexts.join(", "))}
            </span>
            <span class="seen muted">
              <Presence peer={peer} />
              <Rates transfers={withUser(transfers, peer.user)} />
            </span>
          </a>
        </li>
      ))}
    </ul>
  );
}

/** How fast bytes come from a user and go to her; nothing while none does. */
function Rates({ transfers }: { transfers: TransferInfo[] }) {
  const [down, up] = [speed(transfers, "in"), speed(transfers, "out")];
  return (
    <>
      {down > 0 && <span class="latency" title="What comes"> · ↓ {rate(down)}</span>}
      {up > 0 && <span class="latency" title="What goes"> · ↑ {rate(up)}</span>}
    </>
  );
}

/** How a user stands here, in badges. */
export function Trust({ peer }: { peer: PeerInfo }) {
  if (peer.blocked) return <span class="badge bad">blocked</span>;
  return (
    <>
      {peer.verified ? (
        <span class="badge good">
          <Icon name="check" size={12} /> compared
        </span>
      ) : (
        <span class="badge">not compared</span>
      )}
      {peer.trust?.code && <span class="badge warn">runs code</span>}
      {peer.trust?.results && <span class="badge">results</span>}
    </>
  );
}

/** How far away somebody is. */
export function Latency({ time }: { time: number }) {
  return (
    <span class="latency" title="A ping there and back">
      {" · "}
      {milliseconds(time)}
    </span>
  );
}

/** Whether a user is there and how far away, or since when she is not. */
export function Presence({ peer }: { peer: PeerInfo }) {
  const { connected, latency, seen } = presence(peer);
  if (connected) {
    return (
      <>
        <span class="on">connected</span>
        {latency !== undefined && <Latency time={latency} />}
      </>
    );
  }
  return seen === undefined ? (
    <>never seen</>
  ) : (
    <>
      seen <Time at={seen} />
    </>
  );
}

function This({ node }: { node: NodeStatus }) {
  return (
    <div class="card this">
      <div class="person">
        <Avatar user={node.user} name={node.name} on={true} />
        <span class="who">
          <b class="cut">{plain(node.name)}</b>
          <span class="muted cut">
            {plain(node.device_name)} · dsp {node.version}
          </span>
        </span>
        <a class="button" href="/settings/identity">
          Identity
        </a>
      </div>
      <dl class="pairs">
        <div>
          <dt>User id</dt>
          <dd>
            <Copy text={node.user} label="Copy the id of the user" />
          </dd>
        </div>
        <div>
          <dt>Device id</dt>
          <dd>
            <Copy text={node.device} label="Copy the id of the device" />
          </dd>
        </div>
        <div>
          <dt>Peers reach it at</dt>
          <dd>
            {node.listening.length === 0 ? (
              <span class="muted">no address: it reaches others and is not reached</span>
            ) : (
              <ul class="addresses">
                {node.listening.map((address) => (
                  <li key={address}>
                    <code>{address}</code>
                  </li>
                ))}
              </ul>
            )}
          </dd>
        </div>
      </dl>
    </div>
  );
}
