// The files of a frame, and new ones dropped on them.

import { useRef, useState } from "preact/hooks";

import { contentUrl } from "../../api/client";
import { steps, upload } from "../../api/steps";
import type { FileInfo, FrameInfo, Pushed } from "../../api/schema";
import { count, plain, short, size } from "../../format";
import { useQuery } from "../../live/query";
import { reference, type StackPlace } from "../../ref";
import { Dialog } from "../dialog";
import { Icon } from "../icon";
import { Empty, Known } from "../states";
import { toast } from "../toasts";
import { again, allFiles, bring, ownReference, said } from "./doing";

/** Files that are listed before one asks for more. */
const FIRST = 300;

/** The files of a frame: what they are, and their bytes. Of a stack of mine, dropped ones make the next frame. */
export function Files({ place, frame, mine }: { place: StackPlace; frame: FrameInfo; mine: boolean }) {
  const named = reference({ ...place, rev: frame.id });
  const files = useQuery(`files ${named}`, () => allFiles(named), ({ event }) =>
    event === "attachment.available" || event === "transfer.finished");
  const [dropped, setDropped] = useState<File[]>();
  const [over, setOver] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const [most, setMost] = useState(FIRST);
  const take = (list: FileList | null | undefined) => {
    const taken = [...(list ?? [])];
    if (taken.length > 0) setDropped(taken);
  };
  const hears = mine
    ? {
        onDragOver: (event: DragEvent) => {
          event.preventDefault();
          setOver(true);
        },
        onDragLeave: () => setOver(false),
        onDrop: (event: DragEvent) => {
          event.preventDefault();
          setOver(false);
          take(event.dataTransfer?.files);
        },
      }
    : {};
  return (
    <section class={`grid-gap drop ${over ? "over" : ""}`} aria-label="Files" {...hears}>
      {mine && (
        <div class="dropzone">
          <Icon name="upload" />
          <span>Drop files here to push them as a new frame, or</span>
          <button type="button" class="button" onClick={() => field.current?.click()}>
            Choose files
          </button>
          <input
            ref={field}
            type="file"
            multiple
            hidden
            aria-label="Files to push"
            onChange={(event) => {
              take(event.currentTarget.files);
              event.currentTarget.value = "";
            }}
          />
        </div>
      )}
      {files.data !== undefined && files.data.length > 1 && <Zip files={files.data} named={named} name={`${place.name.split("/").at(-1) ?? "files"}-${short(frame.id)}`} />}
      <Known query={files} lines={6}>
        {(known) =>
          known.length === 0 ? (
            <Empty icon="file" title="This frame has no files" />
          ) : (
            <div class="card scroll" tabIndex={0} role="region" aria-label="List of files">
              <table class="list">
                <thead>
                  <tr>
                    <th scope="col">Path</th>
                    <th scope="col">Type</th>
                    {known.some(hasParams) && <th scope="col">Parameters</th>}
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
                  {known.slice(0, most).map((file) => (
                    <Line key={file.path} file={file} named={named} params={known.some(hasParams)} />
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Known>
      {files.data && files.data.length > most && (
        <button type="button" class="button" onClick={() => setMost(most + 2000)}>
          Show more of {files.data.length.toLocaleString("en")} files
        </button>
      )}
      {dropped && (
        <Upload dropped={dropped} place={place} frame={frame} old={files.data ?? []} close={() => setDropped(undefined)} />
      )}
    </section>
  );
}

function hasParams({ params }: FileInfo): boolean {
  return Object.keys(params ?? {}).length > 0;
}

function Line({ file, named, params }: { file: FileInfo; named: string; params: boolean }) {
  const [busy, setBusy] = useState(false);
  const fetch = async () => {
    setBusy(true);
    try {
      const { missing } = await bring(`${named}#${file.path}`, () => {});
      if (missing.length > 0) toast(`Nobody who can be reached has ${plain(file.path)} now`);
    } catch (error) {
      toast(plain(said(error)));
    }
    setBusy(false);
  };
  return (
    <tr>
      <td class="mono">{plain(file.path)}</td>
      <td class="muted">{plain(file.media)}</td>
      {params && (
        <td class="mono muted">
          {Object.entries(file.params ?? {})
            .map(([key, value]) => `${plain(key)}=${plain(typeof value === "string" ? value : JSON.stringify(value))}`)
            .join(" ")}
        </td>
      )}
      <td class="right">{size(file.size)}</td>
      <td class="mono muted">
        <button
          type="button"
          class="hash"
          title={file.hash}
          aria-label={`${short(file.hash)}: copy the hash of ${plain(file.path)}`}
          onClick={() => void navigator.clipboard.writeText(file.hash).then(() => toast("Copied"))}
        >
          {short(file.hash)}
        </button>
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
          <button type="button" class="button" disabled={busy} onClick={fetch} aria-label={`${busy ? "Fetching…" : "Fetch"} ${plain(file.path)}`}>
            {busy ? "Fetching…" : "Fetch"}
          </button>
        )}
      </td>
    </tr>
  );
}

interface UploadProps {
  dropped: File[];
  place: StackPlace;
  frame: FrameInfo;
  old: FileInfo[];
  close: () => void;
}

/** Most bytes that a browser puts into one file: they are in its memory meanwhile. */
const ZIP = 500_000_000;

/** All files of the frame that are here, as one. */
function Zip({ files, named, name }: { files: FileInfo[]; named: string; name: string }) {
  const [done, setDone] = useState<number>();
  const here = files.filter((file) => file.here);
  const bytes = here.reduce((sum, file) => sum + file.size, 0);
  if (here.length === 0) return null;
  const save = async () => {
    setDone(0);
    try {
      const { zip } = await import("./zip");
      const parts = [];
      for (const file of here) {
        const response = await fetch(contentUrl(`${named}#${file.path}`));
        if (!response.ok) throw new Error(`${file.path} cannot be read`);
        parts.push({ path: file.path, bytes: new Uint8Array(await response.arrayBuffer()) });
        setDone(parts.length);
      }
      const link = document.createElement("a");
      link.href = URL.createObjectURL(zip(parts, new Date()));
      link.download = `${name}.zip`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    } catch (error) {
      toast(plain(said(error)));
    }
    setDone(undefined);
  };
  if (bytes > ZIP) {
    return (
      <p class="meta">
        {size(bytes)} are more than a browser puts into one file: <code>dsp get</code> writes all of them.
      </p>
    );
  }
  return (
    <div class="row wrap">
      <button type="button" class="button" disabled={done !== undefined} onClick={() => void save()}>
        <Icon name="download" size={16} /> {done === undefined ? `Download all as ZIP, ${size(bytes)}` : `${done} of ${here.length} …`}
      </button>
      {here.length < files.length && <span class="muted small">{count(files.length - here.length, "file")} not here</span>}
    </div>
  );
}

/** Asks what the new frame is about, and pushes it. */
function Upload({ dropped, place, frame, old, close }: UploadProps) {
  const [message, setMessage] = useState("");
  const [keep, setKeep] = useState(true);
  const [sent, setSent] = useState<number>();
  const [problem, setProblem] = useState<string>();
  const total = dropped.reduce((sum, { size }) => sum + size, 0);
  const names = new Set(dropped.map(({ name }) => name));
  const kept = old.filter(({ path }) => !names.has(path));
  const push = async (event: Event) => {
    event.preventDefault();
    setProblem(undefined);
    try {
      let before = 0;
      const files = [];
      for (const file of dropped) {
        setSent(before);
        const hash = await upload(file, (part) => setSent(before + part));
        before += file.size;
        // What replaces a file stands for the same choice of parameters.
        const replaced = old.find(({ path }) => path === file.name);
        files.push({ ...(replaced ? again(replaced) : { path: file.name }), hash, ...(file.type ? { media: file.type } : {}) });
      }
      setSent(total);
      const whole = [...(keep ? kept.map(again) : []), ...files];
      const body = { stack: ownReference(place), message, files: whole, ...(keep ? { params: frame.params } : {}) };
      const pushed = await steps<Pushed>("/api/v1/frames", body);
      toast(pushed.unchanged ? "The head holds the same already" : `Pushed as ${short(pushed.frame)}`);
      close();
    } catch (error) {
      setSent(undefined);
      setProblem(plain(said(error)));
    }
  };
  return (
    <Dialog title={`Push ${count(dropped.length, "file")} as a new frame`} close={close}>
      <form class="grid-gap" onSubmit={push}>
        <ul class="lines card">
          {dropped.slice(0, 8).map((file) => (
            <li key={file.name} class="line row">
              <span class="mono cut">{plain(file.name)}</span>
              <span class="muted">{size(file.size)}</span>
              <span class={`badge ${old.some(({ path }) => path === file.name) ? "warn" : "good"}`}>
                {old.some(({ path }) => path === file.name) ? "replaces" : "new"}
              </span>
            </li>
          ))}
          {dropped.length > 8 && <li class="line muted">and {dropped.length - 8} more</li>}
        </ul>
        <label class="grid-gap">
          <span>Message</span>
          <input class="field" value={message} maxLength={4000} onInput={(event) => setMessage(event.currentTarget.value)} />
        </label>
        {kept.length > 0 && (
          <label class="row">
            <input type="checkbox" checked={keep} onChange={(event) => setKeep(event.currentTarget.checked)} />
            <span>Keep the other {count(kept.length, "file")} of this frame</span>
          </label>
        )}
        {problem && (
          <p class="said" role="alert">
            {problem}
          </p>
        )}
        {sent !== undefined && (
          <label class="grid-gap">
            <span class="meta">
              {size(sent)} of {size(total)}
            </span>
            <progress max={Math.max(1, total)} value={sent} />
          </label>
        )}
        <div class="row end">
          <button type="button" class="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" class="button primary" disabled={sent !== undefined}>
            Push {size(total)}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
