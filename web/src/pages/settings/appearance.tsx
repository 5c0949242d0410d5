// How the pages look in this browser.

import type { Signal } from "@preact/signals";
import { useMemo } from "preact/hooks";

import { ago, moment } from "../../format";
import { language, languages, ownZone, zone, zones } from "../../locale";
import { Labelled, Section } from "../../parts/forms";
import { contrast, density, motion, theme } from "../../theme";

/** Colours, contrast, density and motion, and how times are written. */
export function Appearance() {
  return (
    <>
      <Looks />
      <Times />
    </>
  );
}

function Times() {
  const offered = useMemo(languages, []);
  const places = useMemo(zones, []);
  const [now, before] = useMemo(() => [new Date(), new Date(Date.now() - 3 * 86_400_000)], []);
  return (
    <Section title="Times" id="times" about="In which language and time zone they are written; the words of these pages are English.">
      <div class="card grid-pad">
        <div class="fields">
          <Labelled label="Language">
            <select class="field" value={language.value} onChange={(event) => (language.value = event.currentTarget.value)}>
              <option value="">As the browser</option>
              {offered.map(([tag, name]) => (
                <option key={tag} value={tag} lang={tag}>
                  {name}
                </option>
              ))}
            </select>
          </Labelled>
          <Labelled label="Time zone">
            <select class="field" value={zone.value} onChange={(event) => (zone.value = event.currentTarget.value)}>
              <option value="">As the system: {ownZone()}</option>
              {places.map((name) => (
                <option key={name} value={name}>
                  {name.replaceAll("_", " ")}
                </option>
              ))}
            </select>
          </Labelled>
        </div>
        <p class="muted" role="status">
          {moment(now)} · {ago(before, now)}
        </p>
      </div>
    </Section>
  );
}

function Looks() {
  return (
    <Section title="Appearance" id="appearance" about="Kept in this browser.">
      <div class="card grid-pad">
        <Choice
          legend="Colours"
          chosen={theme}
          values={{ auto: "As the system", light: "Light", dark: "Dark" }}
        />
        <Choice legend="Contrast" chosen={contrast} values={{ auto: "As the system", more: "High" }} />
        <Choice legend="Density" chosen={density} values={{ auto: "Comfortable", compact: "Compact" }} />
        <Choice legend="Motion" chosen={motion} values={{ auto: "As the system", less: "None" }} />
      </div>
    </Section>
  );
}

function Choice<T extends string>(props: { legend: string; chosen: Signal<T>; values: Record<T, string> }) {
  return (
    <fieldset class="segments">
      <legend>{props.legend}</legend>
      <div>
        {(Object.keys(props.values) as T[]).map((value) => (
          <label key={value}>
            <input
              type="radio"
              name={props.legend}
              checked={props.chosen.value === value}
              onChange={() => {
                props.chosen.value = value;
              }}
            />
            <span>{props.values[value]}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
