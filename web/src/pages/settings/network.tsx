// How this node is reached, and how fast bytes may go.

import { useState } from "preact/hooks";

import { act } from "../../acts";
import { changeSettings, listSettings } from "../../configuration";
import type { Setting } from "../../api/schema";
import { useQuery } from "../../live/query";
import { Labelled, Section, Switch } from "../../parts/forms";
import { Known } from "../../parts/states";
import { node } from "../../state";
import { useTransfers } from "../../transfers";
import { Limits } from "../transfers";

/** Addresses, the local network, limits. */
export function Network() {
  const settings = useQuery("settings", listSettings);
  const transfers = useTransfers();
  return (
    <>
      <Section title="Reached at" id="reached" about="Addresses that peers can use now.">
        <ul class="card grid-pad addresses">
          {(node.value?.listening ?? []).map((address) => (
            <li key={address}>
              <code>{address}</code>
            </li>
          ))}
          {node.value?.listening.length === 0 && <li class="muted">None: this node reaches others, and is not reached.</li>}
        </ul>
      </Section>
      <Known query={settings} lines={5}>
        {(known) => <Named known={known} names={["net.mdns", "net.listen", "net.announce"]} again={settings.again} />}
      </Known>
      {transfers.data && (
        <Limits
          key={`${transfers.data.limit_down} ${transfers.data.limit_up}`}
          known={transfers.data}
          again={transfers.again}
        />
      )}
    </>
  );
}

/** Settings by their names, each changed by itself. */
export function Named(props: { known: Setting[]; names: string[]; again: () => void; title?: string }) {
  const found = props.names.flatMap((name) => props.known.find((setting) => setting.name === name) ?? []);
  return (
    <Section title={props.title ?? "Settings of the daemon"} id={`set-${props.names[0]?.replace(".", "-")}`}>
      <div class="card grid-pad">
        {found.map((setting) => (
          <One key={`${setting.name} ${setting.value}`} setting={setting} again={props.again} />
        ))}
      </div>
    </Section>
  );
}

function One({ setting, again }: { setting: Setting; again: () => void }) {
  const [value, write] = useState(setting.value);
  const fixed = setting.source === "env" || setting.source === "flag";
  const save = async (to: string | null) => {
    const said = setting.restart ? "Saved; it holds from the next start on" : "Saved, and it holds";
    await act(changeSettings({ [setting.name]: to }), said);
    again();
  };
  const about = (
    <>
      {setting.about}
      {setting.restart && " Takes effect after a restart."}
      {fixed && ` It is given by ${setting.source === "env" ? "a variable" : "the command line"}, and cannot be changed here.`}
    </>
  );
  if (setting.value === "true" || setting.value === "false") {
    return (
      <Switch
        label={setting.name}
        about={about}
        on={setting.value === "true"}
        disabled={fixed}
        change={(on) => void save(String(on))}
      />
    );
  }
  return (
    <form
      class="setting"
      onSubmit={(event) => {
        event.preventDefault();
        void save(value);
      }}
    >
      <Labelled label={setting.name} hint={about}>
        <input class="field mono" value={value} disabled={fixed} onInput={(event) => write(event.currentTarget.value)} />
      </Labelled>
      {!fixed && (
        <div class="row">
          <button type="submit" class="button small" disabled={value === setting.value}>
            Save
          </button>
          {setting.source === "file" && (
            <button type="button" class="button small bare" onClick={() => save(null)}>
              Back to the default
            </button>
          )}
        </div>
      )}
    </form>
  );
}
