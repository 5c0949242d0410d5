// The line of a stack's frames, along which one moves.

import { useLocation } from "preact-iso";
import { useEffect } from "preact/hooks";

import type { LogEntry } from "../../api/schema";
import { plain } from "../../format";
import { type StackPlace, stackPath } from "../../ref";
import { Icon } from "../icon";

/** A line of all frames, the latest at its right end, where the page follows the head. */
export function Timeline({ place, shown, entries }: { place: StackPlace; shown: string; entries: LogEntry[] }) {
  const { route, query } = useLocation();
  const frames = entries.toReversed();
  const last = frames.length - 1;
  const live = place.rev === undefined;
  const at = live ? last : frames.findIndex(({ id }) => id === shown);
  const go = (to: number) => {
    const index = Math.max(0, Math.min(last, to));
    const { name, user, context } = place;
    const rev = index === last ? undefined : frames[index]?.id;
    const kept = new URLSearchParams(Object.entries(query)).toString();
    route(stackPath({ user, context, name, ...(rev ? { rev } : {}) }) + (kept === "" ? "" : `?${kept}`), true);
  };
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const on = event.target;
      const elsewhere = on instanceof Element && on !== document.body && on.id !== "main";
      if (elsewhere || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
      if (event.key === "ArrowLeft" && at > 0) go(at - 1);
      else if (event.key === "ArrowRight" && at < last) go(at + 1);
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  });
  if (frames.length < 2 || at < 0) return null;
  const frame = frames[at];
  const said = `frame ${at + 1} of ${frames.length}${live ? ", live" : ""}${frame?.message ? `: ${plain(frame.message)}` : ""}`;
  return (
    <div class="timeline">
      <button type="button" class="button bare icon" disabled={at <= 0} aria-label="Earlier frame" onClick={() => go(at - 1)}>
        ‹
      </button>
      <div class="track">
        <input
          type="range"
          min={0}
          max={last}
          step={1}
          value={at}
          aria-label="Frame"
          aria-valuetext={said}
          onInput={(event) => go(Number(event.currentTarget.value))}
        />
        {frames.length <= 60 && (
          <div class="ticks" aria-hidden="true">
            {frames.map((one) => (
              <i key={one.id} class={one.tags.length > 0 ? "tagged" : ""} />
            ))}
          </div>
        )}
      </div>
      <button type="button" class="button bare icon" disabled={at >= last} aria-label="Later frame" onClick={() => go(at + 1)}>
        ›
      </button>
      <span class="at mono">
        {at + 1}/{frames.length}
      </span>
      <button type="button" class={`live ${live ? "on" : ""}`} aria-pressed={live} onClick={() => go(last)}>
        <span class={`dot ${live ? "good" : ""}`} /> Live
      </button>
    </div>
  );
}

/** Says that newer frames came while one reads an older one. */
export function Newer({ place, entries, shown }: { place: StackPlace; entries: LogEntry[]; shown: string }) {
  const { user, context, name } = place;
  const at = entries.findIndex(({ id }) => id === shown);
  if (place.rev === undefined || at === 0) return null;
  return (
    <a class="pill" href={stackPath({ user, context, name })}>
      {at > 0 ? `${at} newer ${at === 1 ? "frame" : "frames"}: show the head` : "Not in the line of the head: show it"}
      <Icon name="clock" size={14} />
    </a>
  );
}
