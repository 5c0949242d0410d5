// An invitation, as a page of its own.

import { useLocation } from "preact-iso";

import { Section } from "../parts/forms";
import { useTitle } from "../title";
import { Inviting } from "./peers/invite";
import { Tickets } from "./peers/tickets";

/** Lets somebody in; `?context=` says into what. */
export function InvitePage() {
  useTitle("Invite somebody");
  const { query, route } = useLocation();
  return (
    <div class="page narrow-ish">
      <header class="row page-head">
        <h1>Invite somebody</h1>
        <a class="button" href="/peers">
          All peers
        </a>
      </header>
      <Section title="The invitation" id="invitation">
        <div class="card grid-pad">
          <Inviting context={query.context} close={() => route("/peers")} />
        </div>
      </Section>
      <Section title="Open invitations" id="invitations" about="Who holds one comes in until it ends, is used up, or is revoked.">
        <Tickets />
      </Section>
    </div>
  );
}
