// What stands where nothing, or nothing yet, can be shown.

import type { ComponentChildren } from "preact";

import { ProblemError, Unreachable } from "../api/client";
import type { Query } from "../live/query";
import { Icon, type IconName } from "./icon";

/** Nothing is there, and what to do about it; it may be the whole page. */
export function Empty(props: { icon: IconName; title: string; page?: true; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <Icon name={props.icon} size={32} />
      {props.page ? <h1>{props.title}</h1> : <h2>{props.title}</h2>}
      {props.children}
    </div>
  );
}

/** Lines that stand for text that comes. */
export function Bones({ lines = 4 }: { lines?: number }) {
  return (
    <div class="bones" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, line) => (
        <div class="bone" key={line} style={{ width: `${92 - ((line * 37) % 45)}%` }} />
      ))}
    </div>
  );
}

/** What went wrong, and the way out. */
export function Failed({ error, again }: { error: Error; again?: () => void }) {
  const problem = error instanceof ProblemError ? error.problem : undefined;
  return (
    <div class="said" role="alert">
      <strong>{problem?.detail ?? error.message}</strong>
      {problem?.causes?.map((cause) => <span key={cause}>{cause}</span>)}
      {problem?.hint && <span>{problem.hint}</span>}
      {error instanceof Unreachable && <span>It is tried again as soon as it answers.</span>}
      {again && (
        <div>
          <button type="button" class="button" onClick={again}>
            Try again
          </button>
        </div>
      )}
    </div>
  );
}

/** Shows an answer once it is here: bones before, the error where there is none. */
export function Known<T>(props: {
  query: Query<T>;
  lines?: number;
  children: (data: T) => ComponentChildren;
}) {
  const { data, error, again } = props.query;
  if (data !== undefined) return <>{props.children(data)}</>;
  if (error !== undefined) return <Failed error={error} again={again} />;
  return <Bones lines={props.lines ?? 4} />;
}
