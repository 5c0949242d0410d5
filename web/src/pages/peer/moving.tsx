// What moves between this node and a user.

import { Section } from "../../parts/forms";
import { Known } from "../../parts/states";
import { TransferLine } from "../../parts/transfer-line";
import { withUser, useTransfers } from "../../transfers";

/** The transfers with a user; nothing where nothing moves. */
export function Moving({ user }: { user: string }) {
  const transfers = useTransfers();
  return (
    <Section title="Transfers" id="transfers">
      <Known query={transfers} lines={2}>
        {(known) => {
          const hers = withUser(known.transfers, user);
          return hers.length === 0 ? (
            <p class="muted">Nothing moves between you now.</p>
          ) : (
            <ul class="card lines">
              {hers.map((transfer) => (
                <TransferLine key={transfer.id} transfer={transfer} again={transfers.again} />
              ))}
            </ul>
          );
        }}
      </Known>
    </Section>
  );
}
