// Who I am: names, words, the backup, and the devices that act for me.

import "../../styles/people.css";

import { useEffect, useState } from "preact/hooks";

import { act } from "../../acts";
import { all, answer, api } from "../../api/client";
import type { DeviceInfo, PairingInfo, Revoked } from "../../api/schema";
import { count, plain } from "../../format";
import { useQuery } from "../../live/query";
import { Avatar } from "../../parts/avatar";
import { Copy } from "../../parts/copy";
import { ask, Dialog } from "../../parts/dialog";
import { Labelled, Section } from "../../parts/forms";
import { Icon } from "../../parts/icon";
import { Qr } from "../../parts/qr";
import { Bones, Failed, Known } from "../../parts/states";
import { Time } from "../../parts/time";

/** Identity and devices. */
export function Identity() {
  const identity = useQuery("identity", () => answer(api.GET("/api/v1/identity")));
  const me = useQuery("peer me", () => answer(api.GET("/api/v1/peers/{user}", { params: { path: { user: "me" } } })));
  return (
    <>
      <Known query={identity} lines={5}>
        {(known) => (
          <Section title="Identity" id="identity">
            <div class="card this">
              <div class="person">
                <Avatar user={known.user} name={known.name} />
                <span class="who">
                  <b>{plain(known.name)}</b>
                  <span class="muted">{known.log_entries} statements in the identity log</span>
                </span>
              </div>
              <dl class="pairs">
                <div>
                  <dt>User id</dt>
                  <dd>
                    <Copy text={known.user} label="Copy the id of the user" />
                  </dd>
                </div>
                <div>
                  <dt>Backup of the recovery key</dt>
                  <dd>
                    <BackupState state={known.backup} />
                  </dd>
                </div>
              </dl>
            </div>
          </Section>
        )}
      </Known>
      <Section
        title="Your words"
        id="words"
        about="Read them to a teammate, by voice or side by side: if she sees the same, it is you."
      >
        <Known query={me} lines={2}>
          {(known) => (
            <ol class="words card grid-pad" aria-label="The words of your id">
              {(known.fingerprint ?? "").split(/\s+/).map((word, index) => (
                <li key={index}>{word}</li>
              ))}
            </ol>
          )}
        </Known>
      </Section>
      <Devices />
    </>
  );
}

function BackupState({ state }: { state: "needed" | "done" | "elsewhere" }) {
  if (state === "done") {
    return (
      <span class="badge good">
        <Icon name="check" size={12} /> done
      </span>
    );
  }
  if (state === "elsewhere") return <>Another device made it, and knows.</>;
  return (
    <div class="grid-gap">
      <p>
        <span class="badge warn">not done</span> Without it, an identity whose devices are lost is lost. The 24 words
        are shown in a terminal and never in a browser, where extensions read along:
      </p>
      <Copy text="dsp id backup" label="Copy the line that shows the recovery key" />
    </div>
  );
}

function Devices() {
  const devices = useQuery(
    "devices",
    () => all<DeviceInfo>(() => answer(api.GET("/api/v1/identity/devices"))),
    ({ event }) => event.startsWith("peer.") || event === "context.changed",
  );
  const [adds, add] = useState(false);
  const revoke = async (device: DeviceInfo) => {
    const path = { device: device.device };
    const would = await act(
      answer(api.POST("/api/v1/identity/devices/{device}/revoke", { params: { path }, body: { dry_run: true } })),
    );
    if (would === undefined) return;
    const yes = await ask({
      title: `Revoke ${plain(device.name)}?`,
      text: <Lost would={would} />,
      yes: "Revoke for ever",
      bad: true,
    });
    if (!yes) return;
    await act(
      answer(api.POST("/api/v1/identity/devices/{device}/revoke", { params: { path }, body: { dry_run: false } })),
      `${plain(device.name)} is revoked`,
    );
    devices.again();
  };
  return (
    <Section
      title="Devices"
      id="devices"
      about="Machines that act for you."
      end={
        <button type="button" class="button" onClick={() => add(true)}>
          <Icon name="plus" size={16} /> Add a device
        </button>
      }
    >
      <Known query={devices}>
        {(known) => (
          <ul class="card lines">
            {known.map((device) => (
              <li key={device.device} class="line ticket">
                <span class={`dot ${device.connected || device.this ? "good" : ""}`} aria-hidden="true" />
                <span class="grow">
                  <b>{plain(device.name)}</b> <code class="muted">{device.device.slice(0, 8)}</code>
                  <span class="meta">
                    {device.this ? <span>this machine</span> : device.connected ? <span>connected</span> : device.seen != null && (
                      <span>
                        seen <Time at={device.seen} />
                      </span>
                    )}
                    {device.contexts != null && <span>only {plain(device.contexts.join(", "))}</span>}
                    {device.role != null && <span>at most {device.role}</span>}
                    {device.until != null && (
                      <span>
                        ends <Time at={device.until} />
                      </span>
                    )}
                  </span>
                </span>
                {device.state !== "live" && <span class="badge bad">{device.state}</span>}
                {device.state === "live" && !device.this && (
                  <button type="button" class="button danger-text" onClick={() => revoke(device)}>
                    Revoke
                  </button>
                )}
              </li>
            ))}
          </ul>
        )}
      </Known>
      {adds && (
        <Pair
          close={() => {
            add(false);
            devices.again();
          }}
        />
      )}
    </Section>
  );
}

function Lost({ would }: { would: Revoked }) {
  const frames = would.contexts.reduce((sum, { frames }) => sum + frames.length, 0);
  return (
    <>
      <p>It acts for you no more, anywhere, and cannot be let in again.</p>
      {would.contexts.length === 0 ? (
        <p>It said nothing in any context.</p>
      ) : (
        <ul class="plain">
          {would.contexts.map(({ label, kept, lost }) => (
            <li key={label}>
              <b>{plain(label)}</b>: {count(kept, "statement")} stay{lost > 0 && `, ${lost} go`}
            </li>
          ))}
        </ul>
      )}
      {frames > 0 && <p>{count(frames, "frame")} that only it pushed count no more.</p>}
    </>
  );
}

/** How often it is asked how far a pairing is, in milliseconds: there is no event of it. */
const PAIRING = 1000;

function Pair({ close }: { close: () => void }) {
  const made = useQuery("pairing", () => answer(api.POST("/api/v1/identity/pairing", { body: {} })));
  const [code, type] = useState("");
  const [stage, become] = useState<PairingInfo>();
  const ask = async () => {
    const info = await act(answer(api.GET("/api/v1/identity/pairing")));
    if (info) become(info);
  };
  useEffect(() => {
    const asking = setInterval(() => void ask(), PAIRING);
    return () => clearInterval(asking);
  }, []);
  const end = () => {
    void api.DELETE("/api/v1/identity/pairing");
    close();
  };
  const confirm = async (event: Event) => {
    event.preventDefault();
    const device = await act(
      answer(api.POST("/api/v1/identity/pairing/confirm", { body: { code } })),
      ({ name }) => `${plain(name)} is a device of yours`,
    );
    if (device) close();
  };
  if (stage?.stage === "asked") {
    return (
      <Dialog title="Is it your machine?" close={end}>
        <form class="grid-gap" onSubmit={confirm}>
          <p>
            <b>{plain(stage.name ?? "A machine")}</b> asks to act for you. Type the six digits that it shows.
          </p>
          <Labelled label="Code">
            <input
              class="field mono"
              required
              inputMode="numeric"
              autocomplete="off"
              maxLength={7}
              value={code}
              onInput={(event) => type(event.currentTarget.value)}
            />
          </Labelled>
          <div class="dialog-ends">
            <button type="button" class="button" onClick={end}>
              It is not mine
            </button>
            <button type="submit" class="button primary">
              Make it a device of mine
            </button>
          </div>
        </form>
      </Dialog>
    );
  }
  return (
    <Dialog title="Add a device" wide close={end}>
      {made.data ? (
        <div class="made">
          <Qr text={made.data.ticket} label="The pairing ticket as a QR code" />
          <div class="grid-gap">
            <p>
              On the new machine, with dsp installed, run this. It is good once, and until <Time at={made.data.until} />.
              Keep this open: the code that it shows is typed here.
            </p>
            <Copy text={`dsp id join ${made.data.ticket}`} label="Copy the line that joins" />
            <p class="meta" role="status">
              <span class="turns">
                <Icon name="clock" size={16} />
              </span>{" "}
              waiting for the machine …
            </p>
          </div>
        </div>
      ) : made.error ? (
        <Failed error={made.error} again={made.again} />
      ) : (
        <Bones />
      )}
    </Dialog>
  );
}
