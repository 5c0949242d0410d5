// What people say about a stack and its frames.

import { useState } from "preact/hooks";

import type { FrameInfo } from "../../api/schema";
import { short } from "../../format";
import { useQuery } from "../../live/query";
import { reference, type StackPlace, stackPath } from "../../ref";
import { listContexts } from "../../stacks";
import { Comments, useComments } from "../comments";

/** The comments of a stack; a new one is about the whole stack, or about the frame that is shown. */
export function Said({ place, frame }: { place: StackPlace; frame: FrameInfo }) {
  const { user, context, name } = place;
  const whole = { user, context, name };
  const [onFrame, setOnFrame] = useState(place.rev !== undefined);
  const comments = useComments({ ref: reference(whole) });
  const contexts = useQuery("contexts", listContexts, ({ event }) => event === "context.changed");
  const role = contexts.data?.find(({ id }) => id === frame.stack.context)?.role;
  const writes = role === undefined || role === "owner" || role === "writer";
  return (
    <div class="grid-gap">
      <Comments
        comments={comments}
        about={writes ? { ref: reference(onFrame ? { ...whole, rev: frame.id } : whole) } : undefined}
        frameAt={(id) => stackPath({ ...whole, rev: id })}
      />
      {writes && (
        <label class="row">
          <input type="checkbox" checked={onFrame} onChange={(event) => setOnFrame(event.currentTarget.checked)} />
          <span>About the frame {short(frame.id)} alone</span>
        </label>
      )}
    </div>
  );
}
