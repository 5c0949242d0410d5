import "../styles/stack.css";

import { useLocation, useRoute } from "preact-iso";
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";

import { answer, api, ProblemError } from "../api/client";
import type { FileInfo, FrameInfo, LogEntry } from "../api/schema";
import { count, plain, short, size } from "../format";
import { type Query, useQuery } from "../live/query";
import { Coming } from "../parts/coming";
import { Icon } from "../parts/icon";
import { later } from "../parts/later";
import { chosenOf, Params } from "../parts/params";
import { Show } from "../parts/show";
import { concerns, useLog } from "../parts/stack/log";
import { Newer, Timeline } from "../parts/stack/timeline";
import { Side } from "../parts/stack/side";
import { Actions, Tags } from "../parts/stack/actions";
import { Whose } from "../parts/stack/whose";
import { allFiles } from "../parts/stack/doing";
import { Empty, Failed, Known } from "../parts/states";
import { iconOf } from "../parts/thumbnail";
import { Time } from "../parts/time";
import {
  type Pair, readCompare, readStackPath, readView, reference, shownRev, type StackPlace, stackPath, type View, VIEWS,
} from "../ref";
import { view as viewed } from "../recent";
import { node } from "../state";
import { useTitle } from "../title";
import { NotFound } from "./not-found";
import { readWishes } from "../widgets";

const LABELS: Record<View, string> = {
  preview: "Preview",
  history: "History",
  files: "Files",
  lineage: "Lineage",
  comments: "Comments",
  use: "Use this",
};

const History = later(() => import("../parts/stack/history").then((module) => module.History));
const Compare = later(() => import("../parts/stack/compare").then((module) => module.Compare));
const Files = later(() => import("../parts/stack/files").then((module) => module.Files));
const Lineage = later(() => import("../parts/stack/lineage").then((module) => module.Lineage));
const Said = later(() => import("../parts/stack/said").then((module) => module.Said));
const Use = later(() => import("../parts/stack/use").then((module) => module.Use));
const Ask = later(() => import("../parts/stack/ask").then((module) => module.Ask), (failed) => <Coming failed={failed} />);

/** A stack at one of its frames, or what differs between two of them. */
export function StackPage() {
  const { params } = useRoute();
  const [rest, pair] = readCompare(params.rest ?? "");
  const place = readStackPath(rest);
  if (place === undefined) return <NotFound />;
  return <Stack key={reference({ user: place.user, context: place.context, name: place.name })} place={place} pair={pair} />;
}

function Stack({ place, pair }: { place: StackPlace; pair: Pair | undefined }) {
  const { query } = useLocation();
  const view = readView(query.view);
  useTitle(pair ? `Changes · ${place.name}` : place.name);
  const named = reference(place);
  const asked = useQuery(
    `frame ${named}`,
    () => answer(api.GET("/api/v1/frame", { params: { query: { ref: named } } })),
    (event) => concerns(event, place),
  );
  const log = useLog(place);
  // While one moves along the line, what was shown stays until the next one is here.
  const last = useRef<FrameInfo | undefined>(undefined);
  if (asked.data !== undefined) last.current = asked.data;
  const frame: Query<FrameInfo> =
    asked.data === undefined && asked.error === undefined && last.current !== undefined
      ? { ...asked, data: last.current }
      : asked;
  const here = frame.data !== undefined;
  useEffect(() => {
    const { user, context, name } = place;
    if (here) viewed({ kind: "stack", path: stackPath({ user, context, name }), name });
  }, [here]);
  if (frame.data === undefined && isUnknown(frame.error)) {
    return (
      <div class="page">
        <Ask place={place} again={frame.again} />
      </div>
    );
  }
  const mine = frame.data !== undefined && frame.data.stack.user === node.value?.user;
  const entries = log.data ?? [];
  return (
    <div class="page stack-page">
      {frame.data === undefined && <h1>{plain(place.name)}</h1>}
      <Known query={frame} lines={10}>
        {(known) => (
          <>
            <Head place={place} frame={known} mine={mine} comparing={pair !== undefined} />
            {asked.error !== undefined && asked.data !== undefined && <Failed error={asked.error} again={asked.again} />}
            <nav class="tabs" aria-label="Views of the stack">
              {VIEWS.map((one) => (
                <a
                  key={one}
                  href={viewPath(place, one, query)}
                  aria-current={pair === undefined && one === view ? "page" : undefined}
                >
                  {LABELS[one]}
                  {one === "files" && <span class="muted"> {known.files_total}</span>}
                  {one === "history" && entries.length > 0 && <span class="muted"> {entries.length}</span>}
                </a>
              ))}
            </nav>
            {pair === undefined ? (
              <>
                {entries.length > 0 && <Newer place={place} entries={entries} shown={known.id} />}
                <Body view={view} place={place} frame={known} log={log} mine={mine} />
              </>
            ) : (
              <Compare place={place} pair={pair} entries={entries} />
            )}
          </>
        )}
      </Known>
    </div>
  );
}

interface BodyProps {
  view: View;
  place: StackPlace;
  frame: FrameInfo;
  log: Query<LogEntry[]>;
  mine: boolean;
}

function Body({ view, place, frame, log, mine }: BodyProps) {
  const { query } = useLocation();
  const files = useFiles(place, frame);
  switch (view) {
    case "preview":
      return <Preview place={place} frame={frame} files={files} entries={log.data ?? []} mine={mine} />;
    case "history":
      return <History place={place} shown={frame} log={log} mine={mine} />;
    case "files":
      return <Files place={place} frame={frame} mine={mine} />;
    case "lineage":
      return <Lineage frame={frame} place={place} />;
    case "comments":
      return <Said place={place} frame={frame} />;
    case "use":
      return <Use place={place} frame={frame} {...chosenOf(files, query, readWishes(frame.widgets))} />;
  }
}

/** The files of a frame; those that its first answer left out come later. */
function useFiles(place: StackPlace, frame: FrameInfo): FileInfo[] {
  const named = reference({ ...place, rev: frame.id });
  const whole = frame.files_total <= frame.files.length;
  const rest = useQuery(`all files ${whole ? "" : named} ${frame.bytes_here}`, async () => (whole ? [] : allFiles(named)));
  return whole || rest.data === undefined ? frame.files : rest.data;
}

function Head(props: { place: StackPlace; frame: FrameInfo; mine: boolean; comparing: boolean }) {
  const { place, frame, mine, comparing } = props;
  const { stack } = frame;
  return (
    <header>
      <p class="meta crumbs">
        <a class="link" href="/stacks">
          Stacks
        </a>
        <span aria-hidden="true">/</span>
        <a class="link" href={`/stacks?context=${encodeURIComponent(labelOf(frame) ?? place.context)}`}>
          {plain(labelOf(frame) ?? place.context)}
        </a>
      </p>
      <div class="row wrap">
        <Icon name={iconOf(stack.head?.cover)} size={22} />
        <h1>{plain(stack.name)}</h1>
        {place.rev !== undefined && <span class="badge accent">{plain(shownRev(place.rev))}</span>}
        {!comparing && <Tags place={place} frame={frame} mine={mine} />}
        {stack.removed && <span class="badge bad">removed by its author</span>}
        {(stack.other_heads ?? []).map((head) => (
          <a class="badge warn" key={head.frame} href={stackPath({ ...place, rev: head.frame })}>
            pushed while apart: the other head
          </a>
        ))}
        {!comparing && <Actions place={place} frame={frame} mine={mine} />}
      </div>
      {frame.message !== "" && !comparing && <p class="message">{plain(frame.message)}</p>}
      {!comparing && (
        <p class="meta">
          <Whose frame={frame} />
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
      )}
    </header>
  );
}

interface PreviewProps {
  place: StackPlace;
  frame: FrameInfo;
  files: FileInfo[];
  entries: LogEntry[];
  mine: boolean;
}

function Preview({ place, frame, files, entries, mine }: PreviewProps) {
  const wishes = useMemo(() => readWishes(frame.widgets), [frame]);
  return (
    <div class="two-columns">
      <div class="grid-gap first">
        <Timeline place={place} shown={frame.id} entries={entries} />
        {files.length === 0 ? (
          <Empty icon="file" title="This frame has no files">
            {mine && (
              <p>
                Drop some on the <a class="link" href={stackPath(place, "files")}>files</a>, or push again.
              </p>
            )}
          </Empty>
        ) : (
          <Params files={files} wishes={wishes}>
            {(file) => (
              <Steady of={file.hash}>
                <section class="card view" aria-label={plain(file.text || file.path)}>
                  {file.text && <p class="caption">{plain(file.text)}</p>}
                  <Show key={file.hash} file={file} reference={reference({ ...place, rev: frame.id }, file.path)} />
                </section>
                <Readme files={files} shown={file} place={place} frame={frame} />
              </Steady>
            )}
          </Params>
        )}
      </div>
      <Side place={place} frame={frame} />
    </div>
  );
}

/** The readme beside what is shown. */
function Readme(props: { files: FileInfo[]; shown: FileInfo; place: StackPlace; frame: FrameInfo }) {
  const { files, shown, place, frame } = props;
  const readme = files.find(({ path }) => /^readme\.(md|markdown|txt)$/i.test(path));
  if (readme === undefined || readme === shown || !readme.here) return null;
  return (
    <section class="card view readme" aria-label="Readme">
      <p class="caption mono">{plain(readme.path)}</p>
      <Show key={readme.hash} file={readme} reference={reference({ ...place, rev: frame.id }, readme.path)} />
    </section>
  );
}

/** Keeps its height until what comes next is there, so that nothing jumps under who reads. */
function Steady({ of, children }: { of: string; children: ComponentChildren }) {
  const box = useRef<HTMLDivElement>(null);
  const height = useRef(0);
  const before = useRef(of);
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null || before.current === of) return undefined;
    before.current = of;
    element.style.minHeight = `${height.current}px`;
    const release = () => {
      if (element.querySelector(".bone, img:not([data-seen])") === null) element.style.minHeight = "";
    };
    const seen = (event: Event) => {
      if (event.target instanceof HTMLImageElement) event.target.dataset.seen = "";
      release();
    };
    const watch = new MutationObserver(release);
    watch.observe(element, { childList: true, subtree: true });
    element.addEventListener("load", seen, true);
    element.addEventListener("error", seen, true);
    const late = setTimeout(() => {
      element.style.minHeight = "";
    }, 3000);
    return () => {
      clearTimeout(late);
      watch.disconnect();
      element.removeEventListener("load", seen, true);
      element.removeEventListener("error", seen, true);
    };
  }, [of]);
  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const watch = new ResizeObserver(() => {
      height.current = element.offsetHeight;
    });
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  return (
    <div class="grid-gap" ref={box}>
      {children}
    </div>
  );
}

/** Returns the address of another view, with what the widgets choose. */
function viewPath(place: StackPlace, view: View, query: Record<string, string>): string {
  const kept = Object.entries(query).filter(([key]) => key !== "view");
  const all = new URLSearchParams([...kept, ...(view === "preview" ? [] : [["view", view]])]).toString();
  return stackPath(place) + (all === "" ? "" : `?${all}`);
}

/** Returns how the context of a frame is written here. */
function labelOf(frame: FrameInfo): string | undefined {
  const [label, rest] = frame.stack.reference.split(":");
  return rest === undefined ? undefined : label;
}

/** Tells whether what an address means is not here at all. */
function isUnknown(error: Error | undefined): boolean {
  return error instanceof ProblemError && error.problem.code === "not_found";
}
