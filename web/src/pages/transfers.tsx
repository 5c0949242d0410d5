// What comes and goes, and how fast it may.

import { useState } from "preact/hooks";

import type { TransferList } from "../api/schema";
import { bytesOf, size } from "../format";
import { Labelled, Section } from "../parts/forms";
import { Icon } from "../parts/icon";
import { Empty, Known } from "../parts/states";
import { toast } from "../parts/toasts";
import { TransferLine } from "../parts/transfer-line";
import { limit, pause, rate, speed, useTransfers } from "../transfers";
import { useTitle } from "../title";

/** All transfers. */
export function Transfers() {
  useTitle("Transfers");
  const transfers = useTransfers();
  return (
    <div class="page narrow-ish">
      <Known query={transfers} lines={6}>
        {(known) => <Shown known={known} again={transfers.again} />}
      </Known>
    </div>
  );
}

function Shown({ known, again }: { known: TransferList; again: () => void }) {
  const turn = async () => {
    await pause(!known.paused);
    again();
  };
  return (
    <>
      <header class="row page-head">
        <div>
          <h1>Transfers</h1>
          <p class="meta">
            <span>↓ {rate(speed(known.transfers, "in"))}</span>
            <span>↑ {rate(speed(known.transfers, "out"))}</span>
            {known.paused && <span class="badge warn">all wait</span>}
          </p>
        </div>
        <button type="button" class={known.paused ? "button primary" : "button"} onClick={turn}>
          <Icon name={known.paused ? "play" : "pause"} size={16} /> {known.paused ? "Resume all" : "Pause all"}
        </button>
      </header>
      {known.transfers.length === 0 ? (
        <Empty icon="transfers" title={known.paused ? "Everything waits" : "Nothing is under way"}>
          <p>
            {known.paused
              ? "What is wanted comes once you resume; so it stays after a restart."
              : "What you fetch, what a policy brings and what peers take from you stands here while it moves."}
          </p>
        </Empty>
      ) : (
        <ul class="card lines">
          {known.transfers.map((transfer) => (
            <TransferLine key={transfer.id} transfer={transfer} again={again} />
          ))}
        </ul>
      )}
      <Limits key={`${known.limit_down} ${known.limit_up}`} known={known} again={again} />
    </>
  );
}

const shown = (bytes: number) => (bytes === 0 ? "" : size(bytes));

/** How fast bytes may come and go. */
export function Limits({ known, again }: { known: TransferList; again: () => void }) {
  const [down, comes] = useState(shown(known.limit_down));
  const [up, goes] = useState(shown(known.limit_up));
  const save = async (event: Event) => {
    event.preventDefault();
    const [most, least] = [down, up].map((text) => (text.trim() === "" ? 0 : bytesOf(text)));
    if (most == null || least == null) return toast("A limit is a size, such as 2 MB; none where it is empty");
    await limit(most, least);
    again();
  };
  return (
    <Section title="Limits" id="limits" about="Bytes of blobs in a second, 64 KiB at least; none where it is empty.">
      <form class="card grid-pad" onSubmit={save}>
        <div class="fields">
          <Labelled label="What comes">
            <input class="field" placeholder="no limit" value={down} onInput={(event) => comes(event.currentTarget.value)} />
          </Labelled>
          <Labelled label="What goes">
            <input class="field" placeholder="no limit" value={up} onInput={(event) => goes(event.currentTarget.value)} />
          </Labelled>
        </div>
        <div>
          <button type="submit" class="button">
            Set limits
          </button>
        </div>
      </form>
    </Section>
  );
}
