// Whose a stack is, whether that is sure, and who else may read it.

import { useState } from "preact/hooks";

import type { ContextInfo, FrameInfo, PeerInfo } from "../../api/schema";
import { plain, short } from "../../format";
import { type Changed, changedKeys } from "../../keys";
import { useQuery } from "../../live/query";
import { listNotifications } from "../../notifications";
import { listKeys, listPeers, movesPeople } from "../../people";
import { listContexts } from "../../stacks";
import { node } from "../../state";
import { Dialog } from "../dialog";
import { Icon } from "../icon";
import { Time } from "../time";

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
      {me !== undefined && stack.user !== me.user && peers.data !== undefined && <Shield user={stack.user} peer={peer} frame={frame} />}
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
function Shield({ user, peer, frame }: { user: string; peer: PeerInfo | undefined; frame: FrameInfo }) {
  const known = useQuery(
    `keys told ${user}`,
    async () => {
      const [notes, log] = await Promise.all([listNotifications(), listKeys(user)]);
      return { notes, log };
    },
    (event) => movesPeople(event) || event.event === "notification.changed",
  );
  const changed = known.data && changedKeys(user, known.data.notes, known.data.log, frame.time, new Date());
  const compared = peer?.verified === true;
  return (
    <>
      {compared ? (
        <span class="badge good" title="Signed, and you compared her words: it is her">
          <Icon name="shield" size={12} /> signed, compared
        </span>
      ) : (
        <span class="badge" title="Signed by this user; compare her words to know who that is">
          <Icon name="shield" size={12} /> signed, not compared
        </span>
      )}
      {changed && <KeyChanged user={user} name={plain(peer?.name ?? short(user))} changed={changed} compared={compared} />}
    </>
  );
}

/** That her keys changed, what it means, and the way to all that they did. */
function KeyChanged({ user, name, changed, compared }: { user: string; name: string; changed: Changed; compared: boolean }) {
  const [open, show] = useState(false);
  const close = () => show(false);
  return (
    <>
      <button type="button" class="badge warn" aria-haspopup="dialog" onClick={() => show(true)}>
        <Icon name="key" size={12} /> {changed.since ? "keys changed since" : "keys changed lately"}
      </button>
      {open && (
        <Dialog title={`The keys of ${name} changed`} close={close}>
          <p>
            <b>{changed.means}</b>
          </p>
          <p>
            It was heard of here <Time at={changed.at} />, {changed.since ? "after" : "before"} this frame was made. Her id and
            its words stay the same{compared ? ": you compared them, and they still stand for her." : "; compare them to know that it is she."}
          </p>
          <div class="dialog-ends">
            <a class="button primary" href={`/peers/${user}#keys`} onClick={close}>
              All changes of her keys
            </a>
          </div>
        </Dialog>
      )}
    </>
  );
}
