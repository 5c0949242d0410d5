// How the pages look in this browser.

import type { Signal } from "@preact/signals";

import { Section } from "../../parts/forms";
import { contrast, density, motion, theme } from "../../theme";

/** Colours, contrast, density and motion. */
export function Appearance() {
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
