// The addresses that dstack's clients were told, `/USER/STACK?a=&f=`, lead to the stack's page.

import { useLocation } from "preact-iso";
import { useEffect, useState } from "preact/hooks";

import { answer, api } from "../api/client";
import { useQuery } from "../live/query";
import { Ask } from "../parts/stack/ask";
import { Bones } from "../parts/states";
import { type OldPlace, reference, type StackPlace, stackPath } from "../ref";
import { listStacks, placeOf } from "../stacks";
import { node } from "../state";

/** Goes on to the page of the stack, at the frame and attachment that are named. */
export function OldPage({ old }: { old: OldPlace }) {
  const { query, route } = useLocation();
  const [round, setRound] = useState(0);
  const me = node.value;
  const place = useQuery(`old ${old.user}/${old.stack} ${query.a} ${query.f} ${me?.user} ${round}`, async () => {
    if (me === undefined) return undefined;
    return (await find(old, query, me)) ?? "none";
  });
  useEffect(() => {
    if (typeof place.data === "object") route(place.data.path, true);
  }, [place.data]);
  if (place.data !== "none") {
    return (
      <div class="page">
        <h1>{old.stack}</h1>
        <Bones lines={8} />
      </div>
    );
  }
  const user = old.user === "dstack" || old.user === me?.dstack_user ? (me?.user ?? "me") : old.user;
  const asked: StackPlace = { user, context: me?.context ?? "main", name: old.stack };
  return (
    <div class="page">
      <Ask place={asked} again={() => setRound(round + 1)} />
    </div>
  );
}

interface Me {
  user: string;
  name: string;
  dstack_user?: string | null;
}

async function find(old: OldPlace, query: Record<string, string>, me: Me): Promise<{ path: string } | undefined> {
  const mine = ["dstack", "me", me.name, me.dstack_user].includes(old.user);
  const listed = (await listStacks(old.stack)).filter(({ stack }) => stack.name === old.stack);
  const theirs = listed.filter(({ stack }) =>
    mine ? stack.user === me.user : stack.user !== me.user && nameIn(stack.reference) === old.user,
  );
  const found = theirs.find(({ context }) => context?.current) ?? theirs[0];
  if (found === undefined) return undefined;
  const place = placeOf(found);
  const rev = /^[0-9a-f]{8,64}$/.test(query.f ?? "") ? query.f : undefined;
  const at: StackPlace = rev === undefined ? place : { ...place, rev };
  return { path: stackPath(at) + (await attachment(at, query.a)) };
}

/** Returns what of the address says which attachment is meant: its number, or its path. */
async function attachment(place: StackPlace, a: string | undefined): Promise<string> {
  if (a === undefined || a === "") return "";
  try {
    const { files } = await answer(api.GET("/api/v1/frame", { params: { query: { ref: reference(place) } } }));
    const file = /^\d+$/.test(a) ? files[Number(a)] : files.find(({ path }) => path === a);
    return file === undefined ? "" : `?file=${encodeURIComponent(file.path)}`;
  } catch {
    // The page of the stack says what is wrong with the frame.
    return "";
  }
}

/** The user of a reference as it is written here: `alice` of `alice/main:sales`. */
function nameIn(reference: string): string | undefined {
  return reference.split(":").length > 1 ? reference.split(/[:/]/)[0] : undefined;
}
