// What differs between two frames.

import { useLocation } from "preact-iso";
import { useId, useState } from "preact/hooks";

import { answer, api, contentUrl } from "../../api/client";
import type { ContentDiff, FileChange, FrameDiff, LogEntry } from "../../api/schema";
import { brief } from "../../chart";
import { count, plain, short, size } from "../../format";
import { useQuery } from "../../live/query";
import { comparePath, type Pair, reference, type StackPlace, stackPath } from "../../ref";
import { Columns } from "../columns";
import { Icon } from "../icon";
import { Empty, Known } from "../states";
import { Time } from "../time";

/** Files whose change is shown at first. */
const OPEN = 8;
const PICTURE = /\.(png|jpe?g|gif|webp|avif|svg)$/i;

/** Two frames beside each other. */
export function Compare({ place, pair, entries }: { place: StackPlace; pair: Pair; entries: LogEntry[] }) {
  const from = reference({ ...place, rev: pair.from });
  const to = reference({ ...place, rev: pair.to });
  const diff = useQuery(
    `diff ${from} ${to}`,
    () => answer(api.GET("/api/v1/diff", { params: { query: { ref: from, to, content: true } } })),
    ({ event }) => event === "attachment.available" || event === "transfer.finished",
  );
  return (
    <>
      <Sides place={place} pair={pair} entries={entries} />
      <Known query={diff} lines={8}>
        {(known) => <Differences diff={known} place={place} pair={pair} />}
      </Known>
    </>
  );
}

/** Which two frames are compared; each can be another one. */
function Sides({ place, pair, entries }: { place: StackPlace; pair: Pair; entries: LogEntry[] }) {
  const { route } = useLocation();
  const full = (rev: string) => entries.find(({ id }) => id.startsWith(rev))?.id ?? rev;
  const [from, to] = [full(pair.from), full(pair.to)];
  const choose = (label: string, value: string, then: (id: string) => void) => (
    <label class="chip">
      <span>{label}</span>
      <select value={value} onChange={(event) => then(event.currentTarget.value)}>
        {!entries.some(({ id }) => id === value) && <option value={value}>{plain(value)}</option>}
        {entries.map((entry, index) => (
          <option key={entry.id} value={entry.id}>
            {entries.length - index} · {short(entry.id)} {plain(entry.message ?? "").slice(0, 50)}
          </option>
        ))}
      </select>
    </label>
  );
  return (
    <div class="chips sides">
      {choose("From", from, (id) => route(comparePath(place, id, to), true))}
      <button
        type="button"
        class="button bare"
        aria-label="Swap the two frames"
        onClick={() => route(comparePath(place, to, from), true)}
      >
        ⇄
      </button>
      {choose("To", to, (id) => route(comparePath(place, from, id), true))}
      <a class="button bare end" href={stackPath(place, "history")}>
        All frames
      </a>
    </div>
  );
}

function Differences({ diff, place, pair }: { diff: FrameDiff; place: StackPlace; pair: Pair }) {
  const { counts } = diff;
  const [all, setAll] = useState(false);
  const alike =
    diff.files.length + diff.params.length + diff.metrics.length + diff.inputs.length === 0 && diff.message == null;
  if (alike) return <Empty icon="check" title="Both frames hold the same" />;
  return (
    <>
      <p class="meta">
        <span class="badge good">{counts.added} added</span>
        <span class="badge bad">{counts.removed} removed</span>
        <span class="badge warn">{counts.changed} changed</span>
        <span>{count(counts.same, "file")} alike</span>
        {counts.bytes !== 0 && (
          <span>
            {counts.bytes > 0 ? "+" : "−"}
            {size(Math.abs(counts.bytes))}
          </span>
        )}
      </p>
      {diff.message && (
        <Changes
          title="Message"
          rows={[{ name: "message", from: diff.message.from, to: diff.message.to }]}
        />
      )}
      <Changes title="Parameters" rows={diff.params.map(({ name, from, to }) => ({ name, from: shown(from), to: shown(to) }))} />
      <Changes
        title="Metrics"
        rows={diff.metrics.map(({ name, from, to, difference }) => ({
          name,
          from: shown(from),
          to: shown(to),
          ...(difference == null ? {} : { difference }),
        }))}
      />
      {diff.inputs.length > 0 && (
        <section class="grid-gap">
          <h2>Made from</h2>
          <ul class="card lines">
            {diff.inputs.map((input, index) => (
              <li key={index} class="line row">
                <span class={`badge ${TONES[input.change]}`}>{input.change}</span>
                <span class="cut">{plain(input.name ?? "an input without a name")}</span>
                {input.frame && <code class="muted">{short(input.frame)}</code>}
              </li>
            ))}
          </ul>
        </section>
      )}
      {diff.files.length > 0 && (
        <section class="grid-gap">
          <h2>Files</h2>
          {diff.files.slice(0, all ? undefined : 50).map((change, index) => (
            <File key={change.path} change={change} place={place} pair={pair} open={index < OPEN} />
          ))}
          {diff.files.length > 50 && !all && (
            <button type="button" class="button" onClick={() => setAll(true)}>
              Show all {diff.files.length} files
            </button>
          )}
        </section>
      )}
    </>
  );
}

const TONES = { added: "good", removed: "bad", changed: "warn" } as const;

interface Row {
  name: string;
  from: string | undefined;
  to: string | undefined;
  difference?: number;
}

function Changes({ title, rows }: { title: string; rows: Row[] }) {
  if (rows.length === 0) return null;
  const differs = rows.some(({ difference }) => difference !== undefined);
  return (
    <section class="grid-gap">
      <h2>{title}</h2>
      <div class="card scroll" tabIndex={0} role="region" aria-label={title}>
        <table class="list changes">
          <Columns names={["Name", "Before", "After"]} numbers={differs ? ["Difference"] : []} />
          <tbody>
            {rows.map(({ name, from, to, difference }) => (
              <tr key={name}>
                <th scope="row">{plain(name)}</th>
                <td class="mono before">{from === undefined ? "–" : plain(from)}</td>
                <td class="mono after">{to === undefined ? "–" : plain(to)}</td>
                {differs && (
                  <td class="right mono">
                    {difference === undefined ? "" : `${difference > 0 ? "▲ +" : "▼ −"}${brief(Math.abs(difference))}`}
                  </td>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function File({ change, place, pair, open }: { change: FileChange; place: StackPlace; pair: Pair; open: boolean }) {
  const picture = PICTURE.test(change.path) && [change.from, change.to].every((side) => side == null || side.here);
  return (
    <details class="card file-change" open={open}>
      <summary>
        <span class={`badge ${TONES[change.change]}`}>{change.change}</span>
        <span class="mono cut">{plain(change.path)}</span>
        <span class="meta">
          {change.from && <span>{size(change.from.size)}</span>}
          {change.from && change.to && <span aria-hidden="true">→</span>}
          {change.to && <span>{size(change.to.size)}</span>}
        </span>
      </summary>
      {picture && change.from && change.to ? (
        <Pictures
          before={contentUrl(reference({ ...place, rev: pair.from }, change.path))}
          after={contentUrl(reference({ ...place, rev: pair.to }, change.path))}
          name={change.path}
        />
      ) : picture ? (
        <figure class="picture">
          <img
            src={contentUrl(reference({ ...place, rev: change.to ? pair.to : pair.from }, change.path))}
            alt={plain(change.path)}
          />
        </figure>
      ) : (
        <Content content={change.content} />
      )}
    </details>
  );
}

const WAYS = { swipe: "Swipe", onion: "Onion skin", beside: "Beside" } as const;

/** Two pictures: one over the other up to a line, one through the other, or beside each other. */
function Pictures({ before, after, name }: { before: string; after: string; name: string }) {
  const [way, setWay] = useState<keyof typeof WAYS>("swipe");
  const [at, setAt] = useState(50);
  const id = useId();
  const label = way === "swipe" ? "How much of the picture after is shown" : "How strong the picture after is";
  return (
    <div class="pictures">
      <div class="row wrap tools">
        <fieldset class="variants">
          <legend class="visually-hidden">How they are compared</legend>
          {Object.entries(WAYS).map(([key, text]) => (
            <label key={key}>
              <input type="radio" name={id} checked={way === key} onChange={() => setWay(key as keyof typeof WAYS)} />
              <span>{text}</span>
            </label>
          ))}
        </fieldset>
        {way !== "beside" && (
          <label class="amount">
            <span class="visually-hidden">{label}</span>
            <span aria-hidden="true">Before</span>
            <input
              type="range"
              min={0}
              max={100}
              value={at}
              aria-label={label}
              aria-valuetext={`${at} percent`}
              onInput={(event) => setAt(Number(event.currentTarget.value))}
            />
            <span aria-hidden="true">After</span>
          </label>
        )}
      </div>
      <div class={`two ${way}`} style={{ "--at": `${at}%`, "--part": String(at / 100) }}>
        <figure>
          <img src={before} alt={`${plain(name)} before`} />
          {way === "beside" && <figcaption>Before</figcaption>}
        </figure>
        <figure class="after">
          <img src={after} alt={`${plain(name)} after`} />
          {way === "beside" && <figcaption>After</figcaption>}
        </figure>
        {way === "swipe" && <i class="edge" aria-hidden="true" />}
      </div>
    </div>
  );
}

/** How the bytes of a file differ. */
function Content({ content }: { content: ContentDiff | null | undefined }) {
  switch (content?.kind) {
    case "text":
      return <Unified text={content.unified} cut={content.cut} />;
    case "table":
      return (
        <div class="table-change">
          <p class="meta">
            <span>
              {content.rows_from.toLocaleString("en")} → {count(content.rows_to, "row")}
            </span>
            <span class="badge good">{content.added.toLocaleString("en")} came</span>
            <span class="badge bad">{content.removed.toLocaleString("en")} went</span>
            {content.key != null && <span class="badge warn">{content.changed.toLocaleString("en")} changed</span>}
            <span class="muted">
              {content.key == null ? "no column tells rows apart" : `rows are told apart by ${plain(content.key)}`}
            </span>
          </p>
          {content.columns.length > 0 && (
            <table class="list changes">
              <Columns names={["Column", "Before", "After"]} />
              <tbody>
                {content.columns.map(({ name, from, to }) => (
                  <tr key={name}>
                    <th scope="row">{plain(name)}</th>
                    <td class="before">{from ?? "–"}</td>
                    <td class="after">{to ?? "–"}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
        </div>
      );
    case "same":
      return <p class="note">The bytes are the same; something else about the file differs.</p>;
    case "binary":
      return <p class="note">The bytes differ, and are no text.</p>;
    case "too_large":
      return <p class="note">Larger than the {size(content.most)} that are compared.</p>;
    case "not_here":
      return (
        <p class="note">
          <Icon name="download" size={14} /> Not on this machine: open the frame and fetch it to compare.
        </p>
      );
    case "unreadable":
      return <p class="note">Cannot be compared: {plain(content.reason)}</p>;
    case undefined:
      return <p class="note">There is one side only.</p>;
  }
}

/** A unified diff, each line marked by its sign and colour. */
function Unified({ text, cut }: { text: string; cut: boolean }) {
  const lines = text.split("\n").filter((line, at) => !(at < 2 && /^(---|\+\+\+) /.test(line)));
  const kind = (line: string) =>
    line.startsWith("@@") ? "place" : line.startsWith("+") ? "plus" : line.startsWith("-") ? "minus" : "";
  return (
    <>
      <pre class="unified" tabIndex={0}>
        {lines.map((line, at) => (
          <span key={at} class={kind(line)}>
            {plain(line)}
            {"\n"}
          </span>
        ))}
      </pre>
      {cut && <p class="note">There is more than is shown.</p>}
    </>
  );
}

function shown(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The head of the page while two frames are compared. */
export function CompareTitle({ pair, entries }: { pair: Pair; entries: LogEntry[] }) {
  const [from, to] = [pair.from, pair.to].map((rev) => entries.find(({ id }) => id.startsWith(rev)));
  return (
    <p class="meta">
      <code>{short(pair.from)}</code>
      {from?.time && <Time at={from.time} />}
      <span aria-hidden="true">→</span>
      <code>{short(pair.to)}</code>
      {to?.time && <Time at={to.time} />}
    </p>
  );
}
