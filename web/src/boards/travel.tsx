// The slider that shows a dashboard as it was.

import { useId } from "preact/hooks";

import { moment } from "../format";

/** Goes back in time, for all cards that are not pinned; nothing where there is one time only. */
export function Travel(props: { times: readonly number[]; at: number | undefined; go: (at: number | undefined) => void }) {
  const { times, at, go } = props;
  const id = useId();
  if (times.length < 2) return null;
  const last = times.length - 1;
  const index = at === undefined ? last : Math.max(0, times.findLastIndex((time) => time <= at));
  const said = at === undefined ? "now" : moment(new Date(times[index] as number));
  return (
    <div class="travel card" role="group" aria-label="Time">
      <label for={id}>As it was</label>
      <input
        id={id}
        type="range"
        min={0}
        max={last}
        value={index}
        aria-valuetext={said}
        onInput={(event) => {
          const to = Number(event.currentTarget.value);
          go(to === last ? undefined : times[to]);
        }}
      />
      <output for={id}>{said}</output>
      <button type="button" class="button bare" disabled={at === undefined} onClick={() => go(undefined)}>
        Back to now
      </button>
    </div>
  );
}
