// What the identity log of a user says: her keys, and the devices that act for her.

import { useEffect } from "preact/hooks";

import type { KeyChange } from "../../api/schema";
import { plain } from "../../format";
import { useQuery } from "../../live/query";
import { listKeys, movesPeople } from "../../people";
import { Section } from "../../parts/forms";
import { Known } from "../../parts/states";

const SAYS: Record<KeyChange["change"], string> = {
  begun: "The log begins, with the first root key",
  granted: "may act for her",
  revoked: "may not act for her any more",
  rotated: "The root key names another root key",
  recovered: "The recovery key names another root key",
  unknown: "Something that this version does not know",
};

/** The history of her keys, the latest first. */
export function Keys({ user }: { user: string }) {
  const keys = useQuery(`keys ${user}`, () => listKeys(user), movesPeople);
  const known = keys.data !== undefined;
  useEffect(() => {
    // What a link leads to is drawn after the page was opened.
    if (known && location.hash === "#keys") document.getElementById("keys")?.scrollIntoView();
  }, [known]);
  return (
    <Section title="Key history" id="keys" about="Signed by her root key; what a recovery took back does not count.">
      <Known query={keys} lines={3}>
        {(known) => (
          <ol class="card lines" reversed start={known.at(-1)?.number ?? 0}>
            {known.toReversed().map((entry, index) => (
              <li key={index} class="line row">
                <span class="grow cut">
                  {entry.device == null ? (
                    SAYS[entry.change]
                  ) : (
                    <>
                      <b>{plain(entry.device_name ?? "A device")}</b> <code class="muted">{entry.device.slice(0, 8)}</code>{" "}
                      {SAYS[entry.change]}
                    </>
                  )}
                </span>
                {!entry.counts && <span class="badge warn">does not count</span>}
                <span class="muted small">entry {entry.number}</span>
              </li>
            ))}
          </ol>
        )}
      </Known>
    </Section>
  );
}
