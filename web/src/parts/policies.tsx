// Which bytes of a context come by themselves, to choose among.

import type { Policy } from "../api/schema";

/** What comes by itself, as people choose it. */
const POLICIES: Record<Policy, [title: string, about: string]> = {
  heads: ["Current frames", "The bytes of what stacks are at now; older ones when you ask for them."],
  all: ["Everything", "The bytes of every frame, also old ones: a full copy."],
  lazy: ["Nothing by itself", "Names and messages come; bytes when you open or fetch them."],
};

/** The policies, one of which holds. */
export function Policies({ chosen, choose }: { chosen: string; choose: (policy: Policy) => void }) {
  return (Object.keys(POLICIES) as Policy[]).map((one) => (
    <label key={one} class="choice">
      <input type="radio" name="policy" checked={chosen === one} onChange={() => choose(one)} />
      <b>{POLICIES[one][0]}</b>
      <span class="muted">{POLICIES[one][1]}</span>
    </label>
  ));
}
