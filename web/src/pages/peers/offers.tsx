// Contexts that others offer: taken, or declined.

import { useLocation } from "preact-iso";

import { act } from "../../acts";
import { answer, api } from "../../api/client";
import type { OfferInfo } from "../../api/schema";
import { plain } from "../../format";
import { useQuery } from "../../live/query";
import { Section } from "../../parts/forms";
import { Time } from "../../parts/time";
import { listOffers } from "../../people";

/** What others offer, where they do. */
export function Offers() {
  const offers = useQuery("offers", listOffers, ({ event }) => event === "notice" || event === "context.changed");
  const { route } = useLocation();
  const open = (offers.data ?? []).filter(({ declined }) => !declined);
  if (open.length === 0) return null;
  const decline = async (offer: OfferInfo) => {
    const call = api.DELETE("/api/v1/offers/{offer}", { params: { path: { offer: offer.context } } });
    await act(answer(call), `Declined; \`dsp follow ${plain(offer.label)}\` takes it all the same`);
    offers.again();
  };
  return (
    <Section title="Offered to you" id="offers">
      <ul class="card lines">
        {open.map((offer) => (
          <li key={offer.context} class="line ticket">
            <span class="grow">
              <b>{plain(offer.label)}</b>
              <span class="meta">
                {plain(offer.from.name)} made you a member, <Time at={offer.since} />
              </span>
            </span>
            <button type="button" class="button" onClick={() => decline(offer)}>
              Decline
            </button>
            <button
              type="button"
              class="button primary"
              onClick={() => route(`/join#${encodeURIComponent(offer.label)}`)}
            >
              Follow
            </button>
          </li>
        ))}
      </ul>
    </Section>
  );
}
