// Whose a stack is, whether that is sure, and who else may read it.

import type { ContextInfo, FrameInfo, PeerInfo } from "../../api/schema";
import { plain, short } from "../../format";
import { useQuery } from "../../live/query";
import { listPeers, movesPeople } from "../../people";
import { listContexts } from "../../stacks";
import { node } from "../../state";
import { Icon } from "../icon";

/** Who may read what, in a word and a sentence. */
const READERS: Record<ContextInfo["access"], [word: string, about: string]> = {
  private: ["private", "The members of this context read it"],
  ticket: ["by ticket", "Its members read this context, and who holds a ticket"],
  public: ["public", "Whoever ever had a ticket of this context reads it"],
};

/** The owner with a shield, and who may read. */
export function Whose({ frame }: { frame: FrameInfo }) {
  const { stack } = frame;
  const peers = useQuery("peers", listPeers, movesPeople);
  const contexts = useQuery("contexts", listContexts, ({ event }) => event === "context.changed");
  const me = node.value;
  const context = contexts.data?.find(({ id }) => id === stack.context);
  const peer = peers.data?.find(({ user }) => user === stack.user);
  const readers = context && READERS[context.access];
  return (
    <>
      <span class="whose">
        by{" "}
        {me !== undefined && stack.user === me.user ? (
          <a class="link" href="/settings/identity">
            me
          </a>
        ) : (
          <a class="link" href={`/peers/${stack.user}`}>
            {plain(peer?.name ?? short(stack.user))}
          </a>
        )}
      </span>
      {me !== undefined && stack.user !== me.user && peers.data !== undefined && <Shield peer={peer} />}
      {readers !== undefined && (
        <span class="badge" title={readers[1]}>
          {context?.access !== "public" && <Icon name="lock" size={12} />}
          {readers[0]}
        </span>
      )}
    </>
  );
}

/** Every frame here is signed; a shield says whether it is sure who signs. */
function Shield({ peer }: { peer: PeerInfo | undefined }) {
  if (peer?.verified) {
    return (
      <span class="badge good" title="Signed, and you compared her words: it is her">
        <Icon name="shield" size={12} /> signed, compared
      </span>
    );
  }
  return (
    <span class="badge" title="Signed by this user; compare her words to know who that is">
      <Icon name="shield" size={12} /> signed, not compared
    </span>
  );
}
