// What stands beside a frame: what it is, and where its bytes are.

import { useEffect, useState } from "preact/hooks";

import { all, answer, api } from "../../api/client";
import type { FrameInfo, PeerInfo, Progress } from "../../api/schema";
import { count, plain, short, size } from "../../format";
import { useQuery } from "../../live/query";
import { reference, type StackPlace } from "../../ref";
import { listContexts } from "../../stacks";
import { Icon } from "../icon";
import { Time } from "../time";
import { toast } from "../toasts";
import { bring, isPinned, listPins, pinFrame, said } from "./doing";
import { madeWith } from "./made";

/** Facts of a frame, and where its bytes are. */
export function Side({ place, frame }: { place: StackPlace; frame: FrameInfo }) {
  return (
    <aside class="about-frame" aria-label="About this frame">
      <Availability place={place} frame={frame} />
      <Facts title="Parameters" facts={frame.params} />
      <Facts title="Metrics" facts={frame.metrics} />
      <section>
        <h2>Frame</h2>
        <dl class="pairs">
          <div>
            <dt>Made</dt>
            <dd>
              <Time at={frame.time} />
            </dd>
          </div>
          <div>
            <dt>Id</dt>
            <dd>
              <button
                type="button"
                class="hash mono"
                title={frame.id}
                aria-label={`${short(frame.id)}: copy the id of the frame`}
                onClick={() => void navigator.clipboard.writeText(frame.id).then(() => toast("Copied"))}
              >
                {short(frame.id)} <Icon name="copy" size={13} />
              </button>
            </dd>
          </div>
          <div>
            <dt>Signed by device</dt>
            <dd class="mono">{frame.stack.head ? short(frame.stack.head.device) : "–"}</dd>
          </div>
          {madeWith(frame.settings).map(([what, version]) => (
            <div key={what}>
              <dt>{plain(what)}</dt>
              <dd class="mono">{plain(version)}</dd>
            </div>
          ))}
          {frame.needs.length > 0 && (
            <div>
              <dt>Needs</dt>
              <dd>{frame.needs.map(plain).join(", ")}</dd>
            </div>
          )}
        </dl>
      </section>
    </aside>
  );
}

function Facts({ title, facts }: { title: string; facts: object }) {
  const known = Object.entries(facts);
  if (known.length === 0) return null;
  return (
    <section>
      <h2>{title}</h2>
      <dl class="pairs">
        {known.map(([name, value]) => (
          <div key={name}>
            <dt>{plain(name)}</dt>
            <dd class="mono">{plain(typeof value === "string" ? value : JSON.stringify(value))}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

/** How much of a frame is here, who else may have it, and a way to bring it. */
function Availability({ place, frame }: { place: StackPlace; frame: FrameInfo }) {
  const missing = Math.max(0, frame.bytes - frame.bytes_here);
  const holders = useQuery(
    `holders ${frame.stack.context}`,
    () => listHolders(frame.stack.context),
    ({ event }) => event === "peer.connected" || event === "peer.disconnected" || event === "context.changed",
  );
  const part = frame.bytes === 0 ? 1 : frame.bytes_here / frame.bytes;
  const online = (holders.data ?? []).filter(isOnline).length;
  return (
    <section>
      <h2>Where it is</h2>
      <div class="where">
        <p class="row">
          <span class={`dot ${missing === 0 ? "good" : "warn"}`} aria-hidden="true" />
          <b>{missing === 0 ? "Complete on this machine" : `${size(frame.bytes_here)} of ${size(frame.bytes)} on this machine`}</b>
        </p>
        {missing > 0 && <meter min={0} max={1} value={part} aria-label="Part of the frame on this machine" />}
        {missing > 0 && <Bring place={place} frame={frame} missing={missing} />}
        {holders.data && holders.data.length > 0 && (
          <ul class="holders">
            {holders.data.slice(0, 8).map((peer) => (
              <li key={peer.user} class="row">
                <span class={`dot ${isOnline(peer) ? "good" : ""}`} aria-hidden="true" />
                <span class="cut">{plain(peer.name)}</span>
                <span class="muted">{isOnline(peer) ? "connected" : <Seen peer={peer} />}</span>
              </li>
            ))}
          </ul>
        )}
        <p class="muted">
          {holders.data === undefined
            ? " "
            : holders.data.length === 0
              ? "Nobody else is in this context yet: these bytes exist here alone."
              : `${count(holders.data.length, "user")} of this context may have it, ${online} connected.`}
        </p>
        <Pin place={place} frame={frame} />
      </div>
    </section>
  );
}

function Seen({ peer }: { peer: PeerInfo }) {
  const seen = peer.devices.flatMap(({ seen }) => seen ?? []).sort().at(-1);
  return seen === undefined ? <>never connected</> : <Time at={seen} />;
}

function isOnline(peer: PeerInfo): boolean {
  return peer.devices.some(({ connected }) => connected);
}

/** Returns the users with whom a context is shared. */
async function listHolders(context: string): Promise<PeerInfo[]> {
  const [contexts, peers] = await Promise.all([
    listContexts(),
    all<PeerInfo>((cursor) =>
      answer(api.GET("/api/v1/peers", { params: { query: { limit: 500, ...(cursor ? { cursor } : {}) } } })),
    ),
  ]);
  const label = contexts.find(({ id }) => id === context)?.label;
  return peers
    .filter((peer) => peer.blocked !== true && label !== undefined && peer.contexts.includes(label))
    .sort((a, b) => Number(isOnline(b)) - Number(isOnline(a)));
}

/** Brings what is missing, and says how far it is. */
export function Bring({ place, frame, missing }: { place: StackPlace; frame: FrameInfo; missing: number }) {
  const [progress, setProgress] = useState<Progress | "begins">();
  const [problem, setProblem] = useState<string>();
  useEffect(() => {
    setProgress(undefined);
    setProblem(undefined);
  }, [frame.id]);
  const fetch = async () => {
    setProblem(undefined);
    setProgress("begins");
    try {
      const { missing } = await bring(reference({ ...place, rev: frame.id }), setProgress);
      if (missing.length > 0) {
        setProblem(`Nobody who can be reached has ${missing.slice(0, 3).map(plain).join(", ")} now`);
      } else toast("All of it is here");
    } catch (error) {
      setProblem(plain(said(error)));
    }
    setProgress(undefined);
  };
  const total = typeof progress === "object" ? (progress.bytes_total ?? missing) : missing;
  const come = typeof progress === "object" ? progress.bytes : 0;
  return (
    <>
      {progress === undefined ? (
        <button type="button" class="button primary" onClick={fetch}>
          <Icon name="download" size={16} /> Fetch {size(missing)}
        </button>
      ) : (
        <label class="bring">
          <span class="meta">
            {typeof progress === "object" ? plain(progress.what) : "asking"} · {size(come)} of {size(total)}
          </span>
          <progress max={Math.max(1, total)} value={come} />
        </label>
      )}
      {problem && (
        <p class="said" role="alert">
          {problem}
        </p>
      )}
    </>
  );
}

/** Keeps the bytes of the frame here whatever happens. */
function Pin({ place, frame }: { place: StackPlace; frame: FrameInfo }) {
  const [turn, setTurn] = useState(0);
  const pins = useQuery(`pins ${frame.id} ${turn}`, listPins);
  const pinned = isPinned(pins.data, frame.id);
  const toggle = async () => {
    await pinFrame(place, frame.id, !pinned);
    setTurn(turn + 1);
  };
  return (
    <button type="button" class="button" aria-pressed={pinned} disabled={pins.data === undefined} onClick={() => void toggle()}>
      <Icon name="pin" size={15} /> {pinned ? "Pinned here" : "Pin here"}
    </button>
  );
}
