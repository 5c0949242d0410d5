import { signal } from "@preact/signals";

import { ago, moment } from "../format";
import { tag } from "../locale";

/** The clock of the page; it moves once a half minute, all times with it. */
const now = signal(new Date());

setInterval(() => {
  now.value = new Date();
}, 30_000);

/** How long ago something was, in full where one looks closer. */
export function Time({ at }: { at: string }) {
  const time = new Date(at);
  // What comes in while the clock stands is not in the future.
  const current = now.value.getTime() < time.getTime() ? new Date() : now.value;
  return (
    <time dateTime={at} title={moment(time)} {...(tag.value.startsWith("en") ? {} : { lang: tag.value })}>
      {ago(time, current)}
    </time>
  );
}
