// What takes room on this machine, and what of it may go.

import { act } from "../../acts";
import { answer, api } from "../../api/client";
import type { ContextInfo, Garbage } from "../../api/schema";
import { listSettings } from "../../configuration";
import { count, plain, size } from "../../format";
import { useQuery } from "../../live/query";
import { Columns } from "../../parts/columns";
import { ask } from "../../parts/dialog";
import { Bar, Section } from "../../parts/forms";
import { Known } from "../../parts/states";
import { Time } from "../../parts/time";
import { stackPath } from "../../ref";
import { listContexts, listStacks, placeOf } from "../../stacks";
import { node } from "../../state";
import { Named } from "./network";
import { familiesOf } from "./types";

/** How many of the largest stacks are shown. */
const LARGEST = 8;

/** Storage by context, the largest stacks, and what may be freed. */
export function Storage() {
  const contexts = useQuery(
    "storage contexts",
    listContexts,
    ({ event }) => event === "context.changed" || event === "transfer.finished",
  );
  const settings = useQuery("settings", listSettings);
  return (
    <>
      <Section title="On this machine" id="room">
        <Known query={contexts} lines={5}>
          {(known) => <Room contexts={known} />}
        </Known>
      </Section>
      <Types />
      <Free again={contexts.again} />
      <Largest />
      <Known query={settings}>
        {(known) => (
          <Named
            known={known}
            names={["store.quota_bytes", "store.min_free_bytes", "trash.keep", "policy.default"]}
            again={settings.again}
            title="Bounds"
          />
        )}
      </Known>
    </>
  );
}

/** What is here by kinds of files. */
function Types() {
  const stored = useQuery(
    "storage types",
    () => answer(api.GET("/api/v1/node/types")),
    ({ event }) => event === "context.changed" || event === "transfer.finished",
  );
  return (
    <Section title="By type" id="types" about="What the files of all frames here are, as their authors said; each once.">
      <Known query={stored} lines={5}>
        {(known) => {
          const families = familiesOf(known);
          const whole = families.reduce((sum, { bytes }) => sum + bytes, 0);
          if (families.length === 0) return <p class="muted">No files are here yet.</p>;
          return (
            <div class="card grid-pad">
              <Parts parts={families.map(({ name, bytes }) => [name, bytes])} whole={whole} rest />
              <table class="list types">
                <Columns names={["Type"]} numbers={["Files", "Here"]} />
                <tbody>
                  {families.map(({ name, media, files, bytes }, index) => (
                    <tr key={name}>
                      <td>
                        <i class={`swatch swatch-${Math.min(index, 4)}`} aria-hidden="true" />
                        {name}
                        {media.length > 0 && (
                          <span class="muted small media" title={plain(media.join(", "))}>
                            {plain(media.slice(0, 3).join(", "))}
                            {media.length > 3 && ` and ${media.length - 3} more`}
                          </span>
                        )}
                      </td>
                      <td class="right muted">{files?.toLocaleString("en") ?? "–"}</td>
                      <td class="right">{size(bytes)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
              {known.more && (
                <p class="muted small">
                  There are more frames here than were gone through: what is not told apart stands in the last line.
                </p>
              )}
            </div>
          );
        }}
      </Known>
    </Section>
  );
}

function Room({ contexts }: { contexts: ContextInfo[] }) {
  const status = node.value;
  const used = status?.used_bytes ?? 0;
  const free = status?.disk_free_bytes ?? 0;
  const sorted = contexts
    .filter((context) => (context.used_bytes ?? 0) > 0)
    .sort((a, b) => (b.used_bytes ?? 0) - (a.used_bytes ?? 0));
  return (
    <div class="card grid-pad">
      <div class="grid-gap">
        <div class="row section-head">
          <span>
            <b class="large">{size(used)}</b> <span class="muted">of files here</span>
          </span>
          <span class={status?.disk_full ? "badge bad" : "muted small"}>
            {status?.disk_full ? "the disk is full" : `${size(free)} free on the disk`}
          </span>
        </div>
        <Parts parts={sorted.map(({ label, used_bytes }) => [plain(label), used_bytes ?? 0])} whole={used} />
        {status?.quota_bytes != null && (
          <p class="muted small">
            {size(used)} of a quota of {size(status.quota_bytes)}
            <Bar part={used} whole={status.quota_bytes} label="Share of the quota" />
          </p>
        )}
      </div>
      <table class="list">
        <Columns names={["Context"]} numbers={["Here", "Quota"]} />
        <tbody>
          {sorted.map((context, index) => (
            <tr key={context.id}>
              <td>
                <i class={`swatch swatch-${index % 5}`} aria-hidden="true" />
                <a class="link" href={`/c/${context.id}?view=sync`}>
                  {plain(context.label)}
                </a>
              </td>
              <td class="right">{size(context.used_bytes ?? 0)}</td>
              <td class="right muted">{context.quota_bytes == null ? "none" : size(context.quota_bytes)}</td>
            </tr>
          ))}
          {sorted.length === 0 && (
            <tr>
              <td colSpan={3} class="muted">
                No files are here yet.
              </td>
            </tr>
          )}
        </tbody>
      </table>
    </div>
  );
}

/** Parts of a whole beside each other; the table below says the same in words. */
function Parts(props: {
  parts: [label: string, bytes: number][];
  whole: number;
  /** Whether all from the fifth on have one colour. */
  rest?: boolean;
}) {
  const { parts, whole, rest = false } = props;
  return (
    <div class="parts" aria-hidden="true">
      {parts.map(([label, bytes], index) => (
        <span
          key={label}
          class={`swatch-${rest ? Math.min(index, 4) : index % 5}`}
          title={`${label}: ${size(bytes)}`}
          style={{ flexGrow: whole === 0 ? 0 : bytes / whole }}
        />
      ))}
    </div>
  );
}

function Free({ again }: { again: () => void }) {
  const garbage = useQuery(
    "garbage",
    () => answer(api.GET("/api/v1/node/garbage")),
    ({ event }) => event === "context.changed" || event.startsWith("stack."),
  );
  const free = async (known: Garbage) => {
    const yes = await ask({
      title: `Free ${size(sum(known).bytes)}?`,
      text: (
        <>
          <Goes garbage={known} />
          <p>What goes cannot be undone any more; others who hold it can give it again.</p>
        </>
      ),
      yes: "Free it",
      bad: true,
    });
    if (!yes) return;
    await act(answer(api.POST("/api/v1/node/collect")), (freed) =>
      freed.pending ? "More is freed within the hour" : `${size(freed.bytes)} in ${count(freed.blobs, "blob")} are freed`,
    );
    garbage.again();
    again();
  };
  return (
    <Section title="What may go" id="gc" about="Bytes that no frame here names any more. Most go by themselves after a time.">
      <Known query={garbage} lines={2}>
        {(known) => (
          <div class="card grid-pad">
            {sum(known).blobs === 0 ? (
              <p class="muted">Nothing: whatever is here is named by something.</p>
            ) : (
              <>
                <Goes garbage={known} />
                <div>
                  <button type="button" class="button danger-text" onClick={() => free(known)}>
                    Free {size(sum(known).bytes)} …
                  </button>
                </div>
              </>
            )}
          </div>
        )}
      </Known>
    </Section>
  );
}

function sum(garbage: Garbage): { blobs: number; bytes: number } {
  const all = [garbage.unnamed, ...garbage.removed.map(({ waste }) => waste)];
  return {
    blobs: all.reduce((blobs, one) => blobs + one.blobs, 0),
    bytes: all.reduce((bytes, one) => bytes + one.bytes, 0),
  };
}

function Goes({ garbage }: { garbage: Garbage }) {
  const { unnamed, trashed, removed } = garbage;
  return (
    <ul class="plain">
      {unnamed.blobs > 0 && (
        <li>
          {count(unnamed.blobs, "blob")} that nothing names: <b>{size(unnamed.bytes)}</b>
        </li>
      )}
      {trashed.blobs > 0 && (
        <li>
          of these {size(trashed.bytes)} wait in the trash
          {garbage.trashed_until != null && (
            <>
              , and go by themselves <Time at={garbage.trashed_until} />
            </>
          )}
        </li>
      )}
      {removed.map((frame) => (
        <li key={frame.frame}>
          “{plain(frame.message)}” in {plain(frame.context)}, which its author removed: <b>{size(frame.waste.bytes)}</b>
          {frame.holders.length === 0 && <span class="badge warn">perhaps nobody else has it</span>}
        </li>
      ))}
      {garbage.collections_held && (
        <li>
          <span class="badge warn">held</span> the database was put back or made anew, and may not know of all bytes here
        </li>
      )}
    </ul>
  );
}

function Largest() {
  const stacks = useQuery("storage stacks", () => listStacks(""), ({ event }) => event.startsWith("stack."));
  return (
    <Section title="Largest stacks" id="largest" about="By the bytes of their current frames that are here.">
      <Known query={stacks}>
        {(known) => {
          const here = known.filter(({ stack }) => (stack.head?.bytes_here ?? 0) > 0);
          here.sort((a, b) => (b.stack.head?.bytes_here ?? 0) - (a.stack.head?.bytes_here ?? 0));
          if (here.length === 0) return <p class="muted">None.</p>;
          return (
            <ul class="card lines">
              {here.slice(0, LARGEST).map((one) => (
                <li key={one.stack.context + one.stack.user + one.stack.id} class="line row">
                  <a class="grow cut" href={stackPath(placeOf(one))}>
                    <b>{plain(one.stack.name)}</b> <span class="muted small">{plain(one.context?.label ?? "")}</span>
                  </a>
                  <span class="muted small">{size(one.stack.head?.bytes_here ?? 0)}</span>
                </li>
              ))}
            </ul>
          );
        }}
      </Known>
    </Section>
  );
}
