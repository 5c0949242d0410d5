// Who may call: tokens of programs, and browsers that are logged in.

import { useState } from "preact/hooks";

import { act } from "../../acts";
import { all, answer, api } from "../../api/client";
import type { ScopeName, SessionInfo, TokenInfo, TokenMade } from "../../api/schema";
import { plain } from "../../format";
import { useQuery } from "../../live/query";
import { Copy } from "../../parts/copy";
import { ask, Dialog } from "../../parts/dialog";
import { Labelled, Section } from "../../parts/forms";
import { Icon } from "../../parts/icon";
import { Known } from "../../parts/states";
import { Time } from "../../parts/time";
import { browserOf } from "../../browsers";

const DAY = 86_400;
const SCOPES: Record<ScopeName, string> = {
  read: "reads what you read",
  push: "reads, and pushes frames",
  admin: "everything, as you",
};

const query = (cursor: string | undefined) => ({ limit: 500, ...(cursor === undefined ? {} : { cursor }) });

/** Tokens and sessions. */
export function Access() {
  return (
    <>
      <Tokens />
      <Sessions />
    </>
  );
}

function Tokens() {
  const tokens = useQuery("tokens", () =>
    all<TokenInfo>((cursor) => answer(api.GET("/api/v1/tokens", { params: { query: query(cursor) } }))),
  );
  const [makes, make] = useState(false);
  const revoke = async (token: TokenInfo) => {
    const yes = await ask({
      title: `Revoke “${plain(token.name)}”?`,
      text: "Programs that show it are refused from now on. It cannot be taken back: make another one.",
      yes: "Revoke",
      bad: true,
    });
    if (!yes) return;
    await act(answer(api.DELETE("/api/v1/tokens/{id}", { params: { path: { id: token.id } } })), "The token is revoked");
    tokens.again();
  };
  return (
    <Section
      title="Tokens of programs"
      id="tokens"
      about="Programs of this account need none; others, such as those in containers, show one."
      end={
        <button type="button" class="button" onClick={() => make(true)}>
          <Icon name="plus" size={16} /> New token
        </button>
      }
    >
      <Known query={tokens}>
        {(known) =>
          known.length === 0 ? (
            <p class="muted">There is none.</p>
          ) : (
            <ul class="card lines">
              {known.map((token) => (
                <li key={token.id} class="line ticket">
                  <Icon name="key" />
                  <span class="grow">
                    <b>{plain(token.name)}</b> <span class={`badge ${token.scope === "admin" ? "warn" : ""}`}>{token.scope}</span>
                    <span class="meta">
                      <span>
                        made <Time at={token.created} />
                      </span>
                      <span>{token.until == null ? "never ends" : <>ends <Time at={token.until} /></>}</span>
                      <code>{token.id.slice(0, 8)}</code>
                    </span>
                  </span>
                  <button
                    type="button"
                    class="button danger-text"
                    aria-label={`Revoke the token ${plain(token.name)}`}
                    onClick={() => revoke(token)}
                  >
                    Revoke
                  </button>
                </li>
              ))}
            </ul>
          )
        }
      </Known>
      {makes && (
        <NewToken
          close={() => {
            make(false);
            tokens.again();
          }}
        />
      )}
    </Section>
  );
}

function NewToken({ close }: { close: () => void }) {
  const [name, call] = useState("");
  const [scope, permit] = useState<ScopeName>("push");
  const [seconds, end] = useState(90 * DAY);
  const [made, show] = useState<TokenMade>();
  const make = async (event: Event) => {
    event.preventDefault();
    const body = { name, scope, ...(seconds === 0 ? {} : { expires_seconds: seconds }) };
    const token = await act(answer(api.POST("/api/v1/tokens", { body })));
    if (token) show(token);
  };
  if (made) {
    return (
      <Dialog title="The token" close={close}>
        <p>It is shown this once: only its hash is kept.</p>
        <Copy text={made.token} label="Copy the token" />
        <p class="muted small">
          Programs show it as <code>DSP_TOKEN</code>, or as <code>Authorization: Bearer</code>.
        </p>
        <div class="dialog-ends">
          <button type="button" class="button primary" onClick={close}>
            Done
          </button>
        </div>
      </Dialog>
    );
  }
  return (
    <Dialog title="New token" close={close}>
      <form class="grid-gap" onSubmit={make}>
        <Labelled label="What it is for">
          <input class="field" required maxLength={256} placeholder="nightly job" value={name} onInput={(event) => call(event.currentTarget.value)} />
        </Labelled>
        <fieldset class="choices">
          <legend>What it permits</legend>
          {(Object.keys(SCOPES) as ScopeName[]).map((one) => (
            <label key={one} class="choice">
              <input type="radio" name="scope" checked={scope === one} onChange={() => permit(one)} />
              <b>{one}</b>
              <span class="muted">{SCOPES[one]}</span>
            </label>
          ))}
        </fieldset>
        <Labelled label="Ends">
          <select class="field" value={seconds} onChange={(event) => end(Number(event.currentTarget.value))}>
            <option value={DAY}>in a day</option>
            <option value={30 * DAY}>in 30 days</option>
            <option value={90 * DAY}>in 90 days</option>
            <option value={365 * DAY}>in a year</option>
            <option value={0}>never</option>
          </select>
        </Labelled>
        <div class="dialog-ends">
          <button type="submit" class="button primary">
            Make the token
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Sessions() {
  const sessions = useQuery("sessions", () =>
    all<SessionInfo>((cursor) => answer(api.GET("/api/v1/sessions", { params: { query: query(cursor) } }))),
  );
  const end = async (session: SessionInfo) => {
    const yes = await ask({
      title: session.this ? "Log this browser out?" : "Log the browser out?",
      text: session.this ? "`dsp open` logs it in again." : `${browserOf(session.browser)} has to be logged in again with \`dsp open\`.`,
      yes: "Log out",
      bad: true,
    });
    if (!yes) return;
    await act(answer(api.DELETE("/api/v1/sessions/{id}", { params: { path: { id: session.id } } })), "The browser is logged out");
    if (session.this) location.assign("/login");
    else sessions.again();
  };
  return (
    <Section title="Browsers that are logged in" id="sessions" about="One that is not used for 30 days is logged out.">
      <Known query={sessions}>
        {(known) => (
          <ul class="card lines">
            {known.map((session) => (
              <li key={session.id} class="line ticket">
                <span class={`dot ${session.this ? "good" : ""}`} aria-hidden="true" />
                <span class="grow">
                  <b title={plain(session.browser)}>{browserOf(session.browser)}</b>{" "}
                  {session.this && <span class="badge good">this one</span>}
                  <span class="meta">
                    <span>
                      logged in <Time at={session.created} />
                    </span>
                    <span>
                      ends <Time at={session.until} />
                    </span>
                  </span>
                </span>
                <button
                  type="button"
                  class="button danger-text"
                  aria-label={`Log out ${browserOf(session.browser)}, ${session.id.slice(0, 8)}`}
                  onClick={() => end(session)}
                >
                  Log out
                </button>
              </li>
            ))}
          </ul>
        )}
      </Known>
    </Section>
  );
}
