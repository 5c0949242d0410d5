// One other user: who she is, what is trusted of hers, and what she has.

import "../styles/people.css";

import { useLocation, useRoute } from "preact-iso";
import { useState } from "preact/hooks";

import { act } from "../acts";
import { answer, api } from "../api/client";
import type { PeerDevice, PeerInfo, SetTrust } from "../api/schema";
import { plain } from "../format";
import { useQuery } from "../live/query";
import { movesPeople, transportOf, useLatencies } from "../people";
import { Avatar } from "../parts/avatar";
import { Copy } from "../parts/copy";
import { ask, Dialog } from "../parts/dialog";
import { Labelled, Section, Switch } from "../parts/forms";
import { Icon } from "../parts/icon";
import { Known } from "../parts/states";
import { StackLine } from "../parts/stack-list";
import { Time } from "../parts/time";
import { toast } from "../parts/toasts";
import { listContexts, listStacks } from "../stacks";
import { useTitle } from "../title";
import { Keys } from "./peer/keys";
import { Moving } from "./peer/moving";
import { Latency, Presence, Trust } from "./peers";

/** How many of her stacks are shown. */
const LATEST = 8;

function readPeer(user: string): Promise<PeerInfo> {
  return answer(api.GET("/api/v1/peers/{user}", { params: { path: { user } } }));
}

/** The page of a user. */
export function PeerPage() {
  const { user = "" } = useRoute().params;
  const peer = useQuery(`peer ${user}`, () => readPeer(user), movesPeople);
  useLatencies(peer.again);
  useTitle(peer.data ? plain(peer.data.name) : "Peer");
  return (
    <div class="page">
      <nav aria-label="Where this is" class="crumbs">
        <a class="link" href="/peers">
          Peers
        </a>
      </nav>
      {!peer.data && <h1>{plain(user)}</h1>}
      <Known query={peer} lines={8}>
        {(known) => <Shown peer={known} again={peer.again} />}
      </Known>
    </div>
  );
}

function Shown({ peer, again }: { peer: PeerInfo; again: () => void }) {
  const [open, show] = useState<"rename" | "compare">();
  const close = () => show(undefined);
  const block = async () => {
    const name = plain(peer.name);
    const path = { user: peer.user };
    if (peer.blocked) {
      await act(answer(api.DELETE("/api/v1/peers/{user}/block", { params: { path } })), `${name} is not blocked any more`);
      return again();
    }
    const yes = await ask({
      title: `Block ${name}?`,
      text: (
        <>
          <p>
            None of her devices is talked to, nothing of hers is taken or given, and her stacks are not shown. In
            contexts that you share with others she stays what their owners made her.
          </p>
          <p>She is told nothing, and you can take it back.</p>
        </>
      ),
      yes: "Block",
      bad: true,
    });
    if (!yes) return;
    await act(answer(api.PUT("/api/v1/peers/{user}/block", { params: { path } })), `${name} is blocked`);
    again();
  };
  return (
    <>
      <header class="row page-head">
        <div class="person">
          <Avatar user={peer.user} name={peer.name} />
          <span class="who">
            <h1>{plain(peer.name)}</h1>
            <span class="meta">
              <span>
                <Presence peer={peer} />
              </span>
              <Trust peer={peer} />
              {peer.own_name !== peer.name && <span>calls herself {plain(peer.own_name)}</span>}
            </span>
          </span>
        </div>
        <div class="row wrap">
          <button type="button" class="button" onClick={() => show("rename")}>
            Rename
          </button>
          <button type="button" class={peer.blocked ? "button" : "button danger-text"} onClick={block}>
            {peer.blocked ? "Unblock" : "Block"}
          </button>
        </div>
      </header>
      {(peer.namesakes ?? []).length > 0 && !peer.verified && (
        <p class="note warn">
          <Icon name="alert" size={16} /> Somebody else is called so too: {" "}
          {(peer.namesakes ?? []).map((one) => (
            <a class="link" key={one.user} href={`/peers/${one.user}`}>
              {plain(one.name)}
            </a>
          ))}
          . Compare the words before you trust one of them.
        </p>
      )}
      <Section
        title="Trust"
        id="trust"
        about="Yours, on this machine only: no ticket and no context brings it along."
      >
        <div class="card grid-pad">
          <div class="row compare">
            <div>
              <b>{peer.verified ? "Her id was compared" : "Her id was not compared"}</b>
              <p class="muted small">
                {peer.verified
                  ? "You said that the words are those that she sees."
                  : "Anybody can take a name. Twelve words show that it is she."}
              </p>
            </div>
            <button type="button" class={peer.verified ? "button" : "button primary"} onClick={() => show("compare")}>
              {peer.verified ? "Show the words" : "Compare"}
            </button>
          </div>
          <Trusted peer={peer} again={again} />
        </div>
      </Section>
      <Devices peer={peer} />
      <Moving user={peer.user} />
      <Shared peer={peer} />
      <Hers peer={peer} />
      <Keys user={peer.user} />
      <Section title="Id" id="id">
        <Copy text={peer.user} label="Copy the id" />
      </Section>
      {open === "rename" && <Rename peer={peer} close={close} again={again} />}
      {open === "compare" && <Compare peer={peer} close={close} again={again} />}
    </>
  );
}

async function setTrust(peer: PeerInfo, set: SetTrust, again: () => void) {
  const call = api.PATCH("/api/v1/peers/{user}/trust", { params: { path: { user: peer.user } }, body: set });
  await act(answer(call));
  again();
}

function Trusted({ peer, again }: { peer: PeerInfo; again: () => void }) {
  const code = async (on: boolean) => {
    const yes =
      !on ||
      (await ask({
        title: `Let code of ${plain(peer.name)} run here?`,
        text: "Her scripts, pickles and functions then run as you, with all that you may do on this machine.",
        yes: "Let it run",
        bad: true,
      }));
    // Asked again in any case: the switch then shows how it is.
    await setTrust(peer, yes ? { code: on } : {}, again);
  };
  return (
    <>
      <Switch
        label="Use her results"
        about="What she computed is taken instead of computing it anew."
        on={peer.trust?.results ?? false}
        change={(on) => void setTrust(peer, { results: on }, again)}
      />
      <Switch
        label="Let her code run"
        about="Scripts, pickles and functions of hers."
        on={peer.trust?.code ?? false}
        change={(on) => void code(on)}
      />
    </>
  );
}

function Words({ words, label }: { words: string; label: string }) {
  return (
    <ol class="words" aria-label={label}>
      {words.split(/\s+/).map((word, index) => (
        <li key={index}>{word}</li>
      ))}
    </ol>
  );
}

function Compare({ peer, close, again }: { peer: PeerInfo; close: () => void; again: () => void }) {
  const me = useQuery("peer me", () => readPeer("me"));
  const name = plain(peer.name);
  const set = async (verified: boolean, said: string) => {
    await setTrust(peer, { verified }, again);
    toast(said);
    close();
  };
  return (
    <Dialog title={`Compare with ${name}`} wide close={close}>
      <p>
        Read the words to each other, by voice or side by side: never over the way by which the id came. She sees hers
        on her page of settings, or with <code>dsp trust me</code>.
      </p>
      <h3>Words of {name}</h3>
      <Words words={peer.fingerprint ?? ""} label={`Words of ${name}`} />
      <h3>Yours, for her</h3>
      <Known query={me} lines={2}>
        {(known) => <Words words={known.fingerprint ?? ""} label="Your words" />}
      </Known>
      <div class="dialog-ends">
        {peer.verified ? (
          <button type="button" class="button danger-text" onClick={() => set(false, `The id of ${name} counts as not compared`)}>
            Take it back
          </button>
        ) : (
          <>
            <button type="button" class="button" onClick={() => { toast(`Then it is not ${name}: block her, and ask her by another way`); close(); }}>
              They differ
            </button>
            <button type="button" class="button primary" onClick={() => set(true, `The id of ${name} was compared`)}>
              All twelve are the same
            </button>
          </>
        )}
      </div>
    </Dialog>
  );
}

function Rename({ peer, close, again }: { peer: PeerInfo; close: () => void; again: () => void }) {
  const [name, write] = useState(peer.name);
  const rename = async (event: Event) => {
    event.preventDefault();
    const call = api.PATCH("/api/v1/peers/{user}", { params: { path: { user: peer.user } }, body: { name } });
    if ((await act(answer(call), `She is called ${plain(name)} here`)) === undefined) return;
    again();
    close();
  };
  return (
    <Dialog title="What do you call her?" close={close}>
      <form class="grid-gap" onSubmit={rename}>
        <Labelled label="Petname" hint="Yours alone: others go on to call her as they do.">
          <input class="field" value={name} required maxLength={64} onInput={(event) => write(event.currentTarget.value)} />
        </Labelled>
        <div class="dialog-ends">
          <button type="submit" class="button primary">
            Rename
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Devices({ peer }: { peer: PeerInfo }) {
  return (
    <Section title="Devices" id="devices">
      {peer.devices.length === 0 ? (
        <p class="muted">None is known yet.</p>
      ) : (
        <ul class="card lines">
          {peer.devices.map((device) => (
            <li key={device.device} class="line row">
              <span class={`dot ${device.connected ? "good" : ""}`} aria-hidden="true" />
              <span class="grow cut">
                <b>{plain(device.name)}</b> <code class="muted">{device.device.slice(0, 8)}</code>
              </span>
              {device.revoked && <span class="badge bad">revoked</span>}
              <span class="muted small cut">{device.address && <code>{device.address}</code>}</span>
              <span class="muted small">
                {device.connected ? <Connected device={device} /> : device.seen == null ? "never seen" : <>seen <Time at={device.seen} /></>}
              </span>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

/** How a device is connected: over what, and how far away. */
function Connected({ device }: { device: PeerDevice }) {
  const transport = transportOf(device.address);
  return (
    <>
      <span class="on">connected</span>
      {transport !== undefined && ` · ${transport}`}
      {device.latency_ms != null && <Latency time={device.latency_ms} />}
      {device.synced != null && (
        <>
          {" · "}in step <Time at={device.synced} />
        </>
      )}
    </>
  );
}

function Shared({ peer }: { peer: PeerInfo }) {
  const contexts = useQuery("peer contexts", listContexts, ({ event }) => event === "context.changed");
  const ids = new Map((contexts.data ?? []).map(({ label, id }) => [label, id]));
  return (
    <Section title="Contexts that you share" id="shared">
      {peer.contexts.length === 0 ? (
        <p class="muted">None.</p>
      ) : (
        <ul class="chips">
          {peer.contexts.map((label) => (
            <li key={label}>
              <a class="chip" href={`/c/${encodeURIComponent(ids.get(label) ?? label)}`}>
                {plain(label)}
              </a>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

function Hers({ peer }: { peer: PeerInfo }) {
  const { route } = useLocation();
  const stacks = useQuery(
    `stacks of ${peer.user}`,
    async () => (await listStacks("")).filter(({ stack }) => stack.user === peer.user),
    ({ event }) => event.startsWith("stack."),
  );
  return (
    <Section
      title="Her stacks"
      id="stacks"
      end={
        (stacks.data?.length ?? 0) > LATEST && (
          <button type="button" class="button bare" onClick={() => route("/stacks")}>
            All {stacks.data?.length}
          </button>
        )
      }
    >
      <Known query={stacks}>
        {(known) =>
          known.length === 0 ? (
            <p class="muted">Nothing of hers is here.</p>
          ) : (
            <ul class="card lines">
              {known.slice(0, LATEST).map((one) => (
                <li key={one.stack.context + one.stack.id}>
                  <StackLine listing={one} />
                </li>
              ))}
            </ul>
          )
        }
      </Known>
    </Section>
  );
}
