// What an owner does to her stack: tags, its name, which frame is the head, and its end.

import { useLocation } from "preact-iso";
import { useState } from "preact/hooks";

import { answer, api } from "../../api/client";
import type { FrameInfo } from "../../api/schema";
import { plain, short } from "../../format";
import { reference, type StackPlace, stackPath } from "../../ref";
import { copyAddress } from "../link";
import { Dialog } from "../dialog";
import { Icon } from "../icon";
import { Menu, MenuItem } from "../menu";
import { toast } from "../toasts";
import { attempt, done, letGo, markAsHead, ownReference } from "./doing";

/** The tags of a frame; those of a stack of mine are put on, moved and taken away. */
export function Tags({ place, frame, mine }: { place: StackPlace; frame: FrameInfo; mine: boolean }) {
  const [open, setOpen] = useState(false);
  const change = (tag: string, remove: boolean) =>
    attempt(async () => {
      const moved = frame.stack.tags[tag] !== undefined && !remove;
      const ref = remove ? ownReference(place) : reference({ ...place, rev: frame.id });
      const changed = await answer(api.POST("/api/v1/tags", { body: { ref, tag, remove } }));
      done(remove ? `Took the tag ${plain(tag)} away` : `${moved ? "Moved the tag" : "Put the tag"} ${plain(tag)} on ${short(frame.id)}`, changed.undo);
      setOpen(false);
    });
  return (
    <>
      {frame.tags.map((tag) => (
        <span class="badge tag" key={tag}>
          {plain(tag)}
          {mine && (
            <button type="button" aria-label={`Take the tag ${plain(tag)} away`} onClick={() => change(tag, true)}>
              ×
            </button>
          )}
        </span>
      ))}
      {mine && (
        <button type="button" class="badge add" onClick={() => setOpen(true)}>
          <Icon name="tag" size={12} /> Tag
        </button>
      )}
      {open && <TagDialog frame={frame} put={(tag) => change(tag, false)} close={() => setOpen(false)} />}
    </>
  );
}

function TagDialog({ frame, put, close }: { frame: FrameInfo; put: (tag: string) => void; close: () => void }) {
  const [tag, setTag] = useState("");
  const on = frame.stack.tags[tag.trim()];
  const others = Object.entries(frame.stack.tags).filter(([, id]) => id !== frame.id);
  const submit = (event: Event) => {
    event.preventDefault();
    if (tag.trim() !== "") put(tag.trim());
  };
  return (
    <Dialog title={`Tag ${short(frame.id)}`} close={close}>
      <form class="grid-gap" onSubmit={submit}>
        <label class="grid-gap">
          <span>Name of the tag</span>
          <input class="field" value={tag} placeholder="v1" required maxLength={100} onInput={(event) => setTag(event.currentTarget.value)} />
        </label>
        {others.length > 0 && (
          <p class="row wrap">
            <span class="muted">Move here:</span>
            {others.slice(0, 12).map(([name]) => (
              <button type="button" class="badge add" key={name} onClick={() => setTag(name)}>
                {plain(name)}
              </button>
            ))}
          </p>
        )}
        {on !== undefined && on !== frame.id && (
          <p class="meta">
            <Icon name="alert" size={15} /> It is on {short(on)} now, and moves here.
          </p>
        )}
        <div class="row end">
          <button type="button" class="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" class="button primary">
            {on === undefined ? "Put it on" : "Move it here"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** What else can be done with a stack: passed on, let go from this machine, and, where it is mine, changed. */
export function Actions({ place, frame, mine }: { place: StackPlace; frame: FrameInfo; mine: boolean }) {
  const { route } = useLocation();
  const [asks, setAsks] = useState<"rename" | "remove">();
  const whole: StackPlace = { user: frame.stack.user, context: place.context, name: frame.stack.name };
  const isHead = frame.stack.head?.frame === frame.id;
  const head: StackPlace = { user: place.user, context: place.context, name: place.name };
  const back = () =>
    attempt(async () => {
      const pushed = await markAsHead(place, frame);
      toast(pushed.unchanged ? "The head holds the same already" : `What ${short(frame.id)} holds is the head again`);
      route(stackPath(head));
    });
  const remove = () =>
    attempt(async () => {
      const changed = await answer(api.DELETE("/api/v1/stack", { params: { query: { ref: ownReference(place) } } }));
      setAsks(undefined);
      route("/stacks");
      done(`Removed ${plain(place.name)}`, changed.undo, () => route(stackPath(head)));
    });
  return (
    <div class="actions">
      {mine && !isHead && (
        <button type="button" class="button" onClick={back}>
          Mark as head
        </button>
      )}
      <a class="button" href={`/peers/invite?context=${frame.stack.context}`} title="Invite somebody to the context of this stack">
        <Icon name="peers" size={16} /> Share
      </a>
      <Menu label="More to do">
        <MenuItem icon="copy" does={() => copyAddress(stackPath(whole) + location.search)}>
          Copy a link
        </MenuItem>
        <MenuItem icon="clock" does={() => copyAddress(stackPath({ ...whole, rev: frame.id }) + location.search)}>
          Copy a link to this frame
        </MenuItem>
        {frame.bytes_here > 0 && (
          <MenuItem icon="away" does={() => void letGo(whole, { id: frame.id, bytes: frame.bytes_here })}>
            Free its bytes here …
          </MenuItem>
        )}
        {mine && (
          <MenuItem icon="edit" does={() => setAsks("rename")}>
            Rename …
          </MenuItem>
        )}
        {mine && (
          <MenuItem icon="bin" bad does={() => setAsks("remove")}>
            Remove …
          </MenuItem>
        )}
      </Menu>
      {asks === "rename" && <RenameDialog place={place} close={() => setAsks(undefined)} />}
      {asks === "remove" && (
        <Dialog title={`Remove ${plain(place.name)}?`} close={() => setAsks(undefined)}>
          <p>
            It goes from the lists of everybody in its context. Who has its bytes keeps them; you can undo it for as
            long as the trash keeps yours.
          </p>
          <div class="row end">
            <button type="button" class="button" onClick={() => setAsks(undefined)}>
              Cancel
            </button>
            <button type="button" class="button danger" onClick={remove}>
              Remove it
            </button>
          </div>
        </Dialog>
      )}
    </div>
  );
}

function RenameDialog({ place, close }: { place: StackPlace; close: () => void }) {
  const { route } = useLocation();
  const [name, setName] = useState(place.name);
  const rename = (event: Event) => {
    event.preventDefault();
    void attempt(async () => {
      const changed = await answer(api.POST("/api/v1/rename", { body: { ref: ownReference(place), name: name.trim() } }));
      close();
      const at = (name: string) => stackPath({ user: place.user, context: place.context, name });
      route(at(changed.name), true);
      done(`It is called ${plain(changed.name)} now`, changed.undo, () => route(at(place.name), true));
    });
  };
  return (
    <Dialog title="Rename the stack" close={close}>
      <form class="grid-gap" onSubmit={rename}>
        <label class="grid-gap">
          <span>New name</span>
          <input class="field" value={name} required maxLength={255} onInput={(event) => setName(event.currentTarget.value)} />
        </label>
        <p class="muted">Who follows it follows on. Code that names it by its old name has to be changed.</p>
        <div class="row end">
          <button type="button" class="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" class="button primary" disabled={name.trim() === "" || name.trim() === place.name}>
            Rename
          </button>
        </div>
      </form>
    </Dialog>
  );
}
