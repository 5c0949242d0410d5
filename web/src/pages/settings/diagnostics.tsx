// What helps to find out why something does not work, to be looked at, copied or saved.

import { useState } from "preact/hooks";

import { act } from "../../acts";
import { answer, api } from "../../api/client";
import { listSettings } from "../../configuration";
import { diagnostics } from "../../diagnostics";
import { listPeers } from "../../people";
import { Section } from "../../parts/forms";
import { Icon } from "../../parts/icon";
import { toast } from "../../parts/toasts";
import { listContexts } from "../../stacks";
import { listTransfers } from "../../transfers";

/** Versions, addresses and numbers as one text. */
export function Diagnostics() {
  const [text, show] = useState<string>();
  const [busy, wait] = useState(false);
  const gather = async (): Promise<string | undefined> => {
    wait(true);
    const found = await act(ask());
    wait(false);
    if (found !== undefined) show(found);
    return found;
  };
  const copy = async () => {
    const found = await gather();
    if (found === undefined) return;
    navigator.clipboard.writeText(found).then(
      () => toast("The diagnostics are copied"),
      () => toast("The browser did not allow to copy; they can be saved"),
    );
  };
  const save = async () => {
    const found = await gather();
    if (found === undefined) return;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([found], { type: "application/json" }));
    link.download = `dsp-diagnostics-${new Date().toISOString().slice(0, 10)}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  };
  return (
    <Section
      title="Diagnostics"
      id="diagnostics"
      about="Versions, addresses and numbers, for who helps you: no names, ids, tokens, or what your stacks hold. Nothing is sent."
    >
      <div class="card grid-pad">
        <div class="row wrap">
          <button type="button" class="button" disabled={busy} onClick={() => void copy()}>
            <Icon name="copy" size={16} /> Copy them
          </button>
          <button type="button" class="button" disabled={busy} onClick={() => void save()}>
            <Icon name="download" size={16} /> Save as a file
          </button>
          <button type="button" class="button bare" disabled={busy} onClick={() => void gather()}>
            {text === undefined ? "Show them" : "Ask again"}
          </button>
        </div>
        {text !== undefined && (
          <pre class="diagnostics" tabIndex={0} role="region" aria-label="What is copied and saved">
            {text}
          </pre>
        )}
      </div>
    </Section>
  );
}

async function ask(): Promise<string> {
  const [node, settings, contexts, peers, { transfers }, metrics] = await Promise.all([
    answer(api.GET("/api/v1/node")),
    listSettings(),
    listContexts(),
    listPeers(),
    listTransfers(),
    answer<string>(api.GET("/api/v1/metrics", { parseAs: "text" })),
  ]);
  return diagnostics({ at: new Date(), browser: navigator.userAgent, node, settings, contexts, peers, transfers, metrics });
}
