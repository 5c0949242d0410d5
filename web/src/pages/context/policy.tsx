// Which bytes of a context come by themselves.

import { useState } from "preact/hooks";

import { act } from "../../acts";
import { answer, api } from "../../api/client";
import type { ContextInfo, Policy, Selection } from "../../api/schema";
import { bytesOf, size } from "../../format";
import { Bar, Labelled, Section } from "../../parts/forms";
import { Policies } from "../../parts/policies";
import { toast } from "../../parts/toasts";

/** The policy of a followed context, and the quota of any. */
export function SyncPolicy({ context, again }: { context: ContextInfo; again: () => void }) {
  const own = context.state === "own";
  return (
    <>
      {own ? (
        <p class="note">
          It is yours: whatever you and its members push to it is on this machine. A quota bounds what comes of others.
        </p>
      ) : (
        <Follow key={`${context.policy} ${JSON.stringify(context.selection)}`} context={context} again={again} />
      )}
      <Quota key={context.quota_bytes} context={context} again={again} />
    </>
  );
}

const lines = (patterns: string[] | undefined) => (patterns ?? []).join("\n");
const patterns = (text: string) => text.split("\n").map((one) => one.trim()).filter((one) => one !== "");

function Follow({ context, again }: { context: ContextInfo; again: () => void }) {
  const before = context.selection ?? undefined;
  const [policy, choose] = useState<Policy>(context.policy ?? "heads");
  const [only, take] = useState(lines(before?.only));
  const [not, leave] = useState(lines(before?.not));
  const [most, bound] = useState(before?.max_size_bytes == null ? "" : size(before.max_size_bytes));
  const [last, newest] = useState(before?.last == null ? "" : String(before.last));
  const save = async (event: Event) => {
    event.preventDefault();
    const largest = most.trim() === "" ? undefined : bytesOf(most);
    if (largest === null) return toast(`“${most}” is no size: such as 50 MB`);
    const selection: Selection = {
      only: patterns(only),
      not: patterns(not),
      ...(largest === undefined ? {} : { max_size_bytes: largest }),
      ...(last === "" || policy !== "all" ? {} : { last: Number(last) }),
    };
    const call = api.PATCH("/api/v1/follows/{context}", {
      params: { path: { context: context.id } },
      body: { policy, selection },
    });
    await act(answer(call), "What comes by itself is changed");
    again();
  };
  return (
    <Section title="What comes by itself" id="policy" about="What others push; names and messages always come.">
      <form class="card grid-pad" onSubmit={save}>
        <fieldset class="choices">
          <legend class="visually-hidden">What comes by itself</legend>
          <Policies chosen={policy} choose={choose} />
        </fieldset>
        {policy !== "lazy" && (
          <details open={before !== undefined}>
            <summary>Choose among that</summary>
            <div class="fields">
              <Labelled label="Only stacks that fit" hint="A pattern a line, such as sales/**; all when empty.">
                <textarea class="field mono" rows={3} value={only} onInput={(event) => take(event.currentTarget.value)} />
              </Labelled>
              <Labelled label="But none that fits" hint="A pattern a line, such as **/raw.">
                <textarea class="field mono" rows={3} value={not} onInput={(event) => leave(event.currentTarget.value)} />
              </Labelled>
              <Labelled label="No file larger than" hint="Such as 50 MB; any when empty.">
                <input class="field" value={most} onInput={(event) => bound(event.currentTarget.value)} />
              </Labelled>
              {policy === "all" && (
                <Labelled label="Only the newest frames" hint="How many of a stack; all when empty.">
                  <input class="field" type="number" min={1} value={last} onInput={(event) => newest(event.currentTarget.value)} />
                </Labelled>
              )}
            </div>
          </details>
        )}
        <div>
          <button type="submit" class="button primary">
            Save
          </button>
        </div>
      </form>
    </Section>
  );
}

function Quota({ context, again }: { context: ContextInfo; again: () => void }) {
  const [most, bound] = useState(context.quota_bytes == null ? "" : size(context.quota_bytes));
  const used = context.used_bytes ?? 0;
  const save = async (event: Event) => {
    event.preventDefault();
    const bytes = most.trim() === "" ? undefined : bytesOf(most);
    if (bytes === null) return toast(`“${most}” is no size: such as 10 GB`);
    const call = api.PUT("/api/v1/contexts/{context}/quota", {
      params: { path: { context: context.id } },
      body: bytes === undefined ? {} : { quota_bytes: bytes },
    });
    await act(answer(call), bytes === undefined ? "There is no quota" : "The quota is set");
    again();
  };
  return (
    <Section title="Quota" id="quota" about="Above it nothing more comes by itself; what is here stays.">
      <form class="card grid-pad" onSubmit={save}>
        <div class="grid-gap">
          <span class="small">
            {size(used)} here{context.quota_bytes != null && ` of ${size(context.quota_bytes)}`}
          </span>
          {context.quota_bytes != null && <Bar part={used} whole={context.quota_bytes} label="Share of the quota" />}
        </div>
        <div class="row wrap">
          <label>
            <span class="visually-hidden">Quota</span>
            <input class="field" placeholder="no bound, or 10 GB" value={most} onInput={(event) => bound(event.currentTarget.value)} />
          </label>
          <button type="submit" class="button">
            Set
          </button>
        </div>
      </form>
    </Section>
  );
}
