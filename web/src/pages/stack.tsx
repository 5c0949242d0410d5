import { useLocation, useRoute } from "preact-iso";

import { all, answer, api, contentUrl } from "../api/client";
import type { Event as DaemonEvent, FileInfo, FrameInfo, LogEntry } from "../api/schema";
import { count, plain, short, size } from "../format";
import { useQuery } from "../live/query";
import { Copy } from "../parts/copy";
import { Icon } from "../parts/icon";
import { Params } from "../parts/params";
import { Show } from "../parts/show";
import { Empty, Known } from "../parts/states";
import { Time } from "../parts/time";
import { readStackPath, readView, reference, shownRev, type StackPlace, stackPath, type View, VIEWS } from "../ref";
import { useTitle } from "../title";
import { NotFound } from "./not-found";

const LABELS: Record<View, string> = {
  preview: "Preview",
  history: "History",
  files: "Files",
  lineage: "Lineage",
  use: "Use this",
};

/** Frames of a history that are listed. */
const FRAMES = 500;

/** A stack at one of its frames. */
export function StackPage() {
  const { params } = useRoute();
  const place = readStackPath(params.rest ?? "");
  return place === undefined ? <NotFound /> : <Stack place={place} />;
}

function Stack({ place }: { place: StackPlace }) {
  const { query } = useLocation();
  const view = readView(query.view);
  useTitle(place.name);
  const named = reference(place);
  const frame = useQuery(
    `frame ${named}`,
    () => answer(api.GET("/api/v1/frame", { params: { query: { ref: named } } })),
    (event) => concerns(event, place),
  );
  return (
    <div class="page">
      {frame.data === undefined && <h1>{plain(place.name)}</h1>}
      <Known query={frame} lines={10}>
        {(known) => (
          <>
            <Head place={place} frame={known} />
            <nav class="tabs" aria-label="Views of the stack">
              {VIEWS.map((one) => (
                <a key={one} href={stackPath(place, one)} aria-current={one === view ? "page" : undefined}>
                  {LABELS[one]}
                  {one === "files" && <span class="muted"> {known.files_total}</span>}
                </a>
              ))}
            </nav>
            <Body view={view} place={place} frame={known} />
          </>
        )}
      </Known>
    </div>
  );
}

function Body({ view, place, frame }: { view: View; place: StackPlace; frame: FrameInfo }) {
  switch (view) {
    case "preview":
      return <Preview place={place} frame={frame} />;
    case "history":
      return <History place={place} shown={frame} />;
    case "files":
      return <Files place={place} frame={frame} />;
    case "lineage":
      return <Lineage frame={frame} />;
    case "use":
      return <Use frame={frame} />;
  }
}

function Head({ place, frame }: { place: StackPlace; frame: FrameInfo }) {
  const { stack } = frame;
  const current = stack.head?.frame === frame.id;
  return (
    <header>
      <p class="meta">
        <a class="link" href="/stacks">
          Stacks
        </a>
        <span>{plain(stack.reference.includes(":") ? (stack.reference.split(":")[0] ?? "") : place.context)}</span>
      </p>
      <div class="row wrap">
        <h1>{plain(stack.name)}</h1>
        {place.rev !== undefined && <span class="badge accent">{plain(shownRev(place.rev))}</span>}
        {frame.tags.map((tag) => (
          <span class="badge" key={tag}>
            {plain(tag)}
          </span>
        ))}
        {stack.removed && <span class="badge bad">removed by its author</span>}
        {!current && stack.head && (
          <a class="badge warn" href={stackPath({ user: place.user, context: place.context, name: place.name })}>
            not the head: show it
          </a>
        )}
        {(stack.other_heads?.length ?? 0) > 0 && <span class="badge warn">pushed while apart: two heads</span>}
      </div>
      {frame.message !== "" && <p class="message">{plain(frame.message)}</p>}
      <p class="meta">
        <Time at={frame.time} />
        <code title={frame.id}>{short(frame.id)}</code>
        <span>
          {count(frame.files_total, "file")}, {size(frame.bytes)}
        </span>
        {frame.bytes_here < frame.bytes && (
          <span class="badge warn">
            {size(frame.bytes_here)} of {size(frame.bytes)} here
          </span>
        )}
      </p>
    </header>
  );
}

function Preview({ place, frame }: { place: StackPlace; frame: FrameInfo }) {
  if (frame.files.length === 0) return <Empty icon="file" title="This frame has no files" />;
  return (
    <>
      <Params files={frame.files}>
        {(file) => (
          <section class="card view" aria-label={plain(file.text || file.path)}>
            {file.text && <p class="caption">{plain(file.text)}</p>}
            <Show key={file.hash} file={file} reference={reference({ ...place, rev: frame.id }, file.path)} />
          </section>
        )}
      </Params>
      <Facts title="Parameters" facts={frame.params} />
      <Facts title="Metrics" facts={frame.metrics} />
    </>
  );
}

function Facts({ title, facts }: { title: string; facts: object }) {
  const known = Object.entries(facts);
  if (known.length === 0) return null;
  return (
    <section class="grid-gap">
      <h2>{title}</h2>
      <dl class="facts card">
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

function History({ place, shown }: { place: StackPlace; shown: FrameInfo }) {
  const named = reference({ user: place.user, context: place.context, name: place.name });
  const log = useQuery(
    `log ${named}`,
    () =>
      all<LogEntry>(
        (cursor) =>
          answer(
            api.GET("/api/v1/log", {
              params: { query: { ref: named, limit: FRAMES, ...(cursor ? { cursor } : {}) } },
            }),
          ),
        FRAMES,
      ),
    (event) => concerns(event, place),
  );
  return (
    <Known query={log} lines={8}>
      {(entries) => (
        <ol class="card history">
          {entries.map((entry) => (
            <Entry key={entry.id} entry={entry} place={place} current={entry.id === shown.id} />
          ))}
        </ol>
      )}
    </Known>
  );
}

function Entry({ entry, place, current }: { entry: LogEntry; place: StackPlace; current: boolean }) {
  const metrics = Object.entries(entry.metrics).slice(0, 4);
  return (
    <li aria-current={current ? "true" : undefined}>
      <a href={stackPath({ ...place, rev: entry.id })}>
        <span class="row wrap">
          <b class="cut">
            {entry.here ? plain(entry.message || "no message") : entry.withdrawn ? "withdrawn by an owner" : "not here"}
          </b>
          {entry.head && <span class="badge accent">head</span>}
          {entry.tags.map((tag) => (
            <span class="badge" key={tag}>
              {plain(tag)}
            </span>
          ))}
        </span>
        <span class="meta">
          {entry.time && <Time at={entry.time} />}
          <code>{short(entry.id)}</code>
          {entry.bytes != null && <span>{size(entry.bytes)}</span>}
          {metrics.map(([name, value]) => (
            <span key={name} class="mono">
              {plain(name)} {plain(String(value))}
            </span>
          ))}
        </span>
      </a>
    </li>
  );
}

function Files({ place, frame }: { place: StackPlace; frame: FrameInfo }) {
  const named = reference({ ...place, rev: frame.id });
  const files = useQuery(
    `files ${named}`,
    () =>
      all<FileInfo>((cursor) =>
        answer(
          api.GET("/api/v1/files", {
            params: { query: { ref: named, limit: 1000, ...(cursor ? { cursor } : {}) } },
          }),
        ),
      ),
    ({ event }) => event === "attachment.available" || event === "transfer.finished",
  );
  return (
    <Known query={files} lines={6}>
      {(known) => (
        <div class="card scroll">
          <table class="list">
            <thead>
              <tr>
                <th scope="col">Path</th>
                <th scope="col">Type</th>
                <th scope="col" class="right">
                  Size
                </th>
                <th scope="col">Hash</th>
                <th scope="col">
                  <span class="visually-hidden">Download</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {known.map((file) => (
                <tr key={file.path}>
                  <td class="mono">{plain(file.path)}</td>
                  <td class="muted">{file.media}</td>
                  <td class="right">{size(file.size)}</td>
                  <td class="mono muted" title={file.hash}>
                    {short(file.hash)}
                  </td>
                  <td class="right">
                    {file.here ? (
                      <a
                        class="button bare icon"
                        href={contentUrl(`${named}#${file.path}`)}
                        download={file.path.split("/").at(-1)}
                        aria-label={`Download ${plain(file.path)}`}
                      >
                        <Icon name="download" size={16} />
                      </a>
                    ) : (
                      <span class="badge warn">not here</span>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Known>
  );
}

function Lineage({ frame }: { frame: FrameInfo }) {
  if (frame.inputs.length === 0 && frame.parents.length === 0) {
    return (
      <Empty icon="stacks" title="Made from nothing that is known">
        <p>
          <code>frame.input("sales/raw")</code> in Python and <code>dsp push --input sales/raw</code> say what a frame was
          made from.
        </p>
      </Empty>
    );
  }
  return (
    <section class="grid-gap">
      {frame.inputs.length > 0 && (
        <>
          <h2>Made from</h2>
          <ul class="card lines">
            {frame.inputs.map((input, index) => (
              <li key={index} class="row line">
                <span class="cut">{plain(input.name ?? "an input without a name")}</span>
                {input.frame && <code class="muted">{short(input.frame)}</code>}
              </li>
            ))}
          </ul>
        </>
      )}
      {frame.parents.length > 0 && (
        <>
          <h2>After</h2>
          <ul class="card lines">
            {frame.parents.map((parent) => (
              <li key={parent} class="line">
                <code>{short(parent)}</code>
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

function Use({ frame }: { frame: FrameInfo }) {
  const named = frame.stack.reference;
  const ways: [string, string][] = [
    ["Python", `import dsp\n\nvalue = dsp.pull("${named}")`],
    ["R", `library(dsp)\n\nvalue <- pull("${named}")`],
    ["Command line", `dsp get ${named}`],
    ["This very frame", `dsp get ${named}@${short(frame.id)}`],
  ];
  return (
    <section class="grid-gap">
      {ways.map(([name, code]) => (
        <div class="grid-gap" key={name}>
          <h2>{name}</h2>
          <Copy text={code} label={`Copy the code for ${name}`} />
        </div>
      ))}
    </section>
  );
}

/** Tells whether an event may change what the page of a stack shows. */
function concerns(event: DaemonEvent, place: StackPlace): boolean {
  switch (event.event) {
    case "stack.created":
    case "stack.head_changed":
      return event.name === place.name;
    case "frame.added":
    case "attachment.available":
    case "transfer.finished":
    case "context.changed":
      return true;
    default:
      return false;
  }
}
