// Of what one is told, and how.

import { useState } from "preact/hooks";

import { Section, Switch } from "../../parts/forms";
import { Known } from "../../parts/states";
import { act } from "../../acts";
import { answer, api } from "../../api/client";
import type { ContextInfo } from "../../api/schema";
import { plain } from "../../format";
import { useQuery } from "../../live/query";
import { desktop, wantDesktop } from "../../notifications";
import { listContexts } from "../../stacks";

/** Notifications of the desktop, and contexts that are kept quiet. */
export function Notify() {
  const contexts = useQuery("muted contexts", listContexts, ({ event }) => event === "context.changed");
  const [refused, refuse] = useState(false);
  const mute = async (context: ContextInfo, muted: boolean) => {
    const call = api.PUT("/api/v1/contexts/{context}/muted", { params: { path: { context: context.id } }, body: { muted } });
    await act(answer(call));
    contexts.again();
  };
  return (
    <>
      <Section title="On the desktop" id="desktop">
        <div class="card grid-pad">
          <Switch
            label="Tell me outside of the page too"
            about={
              refused
                ? "The browser does not allow it: allow notifications of this address in its settings."
                : "As long as one page of dsp is open in this browser."
            }
            on={desktop.value}
            change={async (on) => refuse(!(await wantDesktop(on)) && on)}
          />
        </div>
      </Section>
      <Section title="Contexts" id="contexts" about="Of one that is off nothing becomes a notification.">
        <Known query={contexts}>
          {(known) => (
            <div class="card grid-pad">
              {known.map((context) => (
                <Switch
                  key={context.id}
                  label={plain(context.label)}
                  on={!context.muted}
                  change={(on) => void mute(context, !on)}
                />
              ))}
            </div>
          )}
        </Known>
      </Section>
    </>
  );
}
