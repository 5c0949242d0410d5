// Who is in a context: roles given, changed and taken.

import { useState } from "preact/hooks";

import { act } from "../../acts";
import { answer, api } from "../../api/client";
import type { ContextInfo, MemberInfo, RoleName } from "../../api/schema";
import { count, plain } from "../../format";
import { useQuery } from "../../live/query";
import { Avatar } from "../../parts/avatar";
import { Dialog } from "../../parts/dialog";
import { Labelled, Section } from "../../parts/forms";
import { Icon } from "../../parts/icon";
import { Known } from "../../parts/states";
import { listMembers, listPeers, movesPeople, presence, ROLES } from "../../people";
import { node } from "../../state";

const GIVEN = ["reader", "writer", "owner"] as const;

/** The members of a context; owners change them. */
export function Members({ context }: { context: ContextInfo }) {
  const members = useQuery(`members ${context.id}`, () => listMembers(context.id), movesPeople);
  const peers = useQuery("peers", listPeers, movesPeople);
  const [adds, add] = useState(false);
  const [leaving, remove] = useState<MemberInfo>();
  const owns = context.role === "owner" && context.state !== "closed";
  const here = new Set((peers.data ?? []).filter((peer) => presence(peer).connected).map(({ user }) => user));
  const set = async (user: string, role: RoleName) => {
    const path = { context: context.id, user };
    await act(
      answer(api.PUT("/api/v1/contexts/{context}/members/{user}", { params: { path }, body: { role } })),
      ({ name }) => `${plain(name)} is a ${role} now`,
    );
    members.again();
  };
  const takeBack = async (member: MemberInfo) => {
    const path = { context: context.id, user: member.user };
    const call = api.POST("/api/v1/contexts/{context}/members/{user}/keep", { params: { path }, body: {} });
    await act(answer(call), `What ${plain(member.name)} said counts again`);
    members.again();
  };
  return (
    <Section
      title="Members"
      id="members"
      end={
        owns && (
          <button type="button" class="button" onClick={() => add(true)}>
            <Icon name="plus" size={16} /> Add
          </button>
        )
      }
    >
      <Known query={members}>
        {(known) => (
          <ul class="card lines">
            {known.map((member) => {
              const me = member.user === node.value?.user;
              const gone = member.role === "none";
              return (
                <li key={member.user} class="line ticket member">
                  <Avatar user={member.user} name={me ? (node.value?.name ?? "me") : member.name} on={here.has(member.user)} />
                  <span class="grow">
                    {me ? <b>me</b> : <a href={`/peers/${member.user}`}><b>{plain(member.name)}</b></a>}
                    <span class="meta">
                      <span>{count(member.stacks, "stack")}</span>
                      {member.by_ticket && <span>came by a ticket</span>}
                      {member.cut_away && (
                        <span>
                          {count(member.cut_away.statements, "statement")} do not count
                        </span>
                      )}
                    </span>
                  </span>
                  {member.blocked && <span class="badge bad">blocked</span>}
                  {owns && member.cut_away && (
                    <button type="button" class="button" onClick={() => takeBack(member)}>
                      Let it count
                    </button>
                  )}
                  {owns && !me && !gone ? (
                    <>
                      <label>
                        <span class="visually-hidden">Role of {plain(member.name)}</span>
                        <select
                          class="field"
                          value={member.role}
                          onChange={(event) => void set(member.user, event.currentTarget.value as RoleName)}
                        >
                          {GIVEN.map((role) => (
                            <option key={role}>{role}</option>
                          ))}
                        </select>
                      </label>
                      <button type="button" class="button danger-text" onClick={() => remove(member)}>
                        Remove
                      </button>
                    </>
                  ) : (
                    <span class={`badge ${gone ? "bad" : ""}`}>{gone ? "removed" : member.role}</span>
                  )}
                  {owns && gone && (
                    <button type="button" class="button" onClick={() => void set(member.user, "reader")}>
                      Take in again
                    </button>
                  )}
                </li>
              );
            })}
          </ul>
        )}
      </Known>
      {adds && (
        <Add
          context={context}
          known={new Set((members.data ?? []).filter(({ role }) => role !== "none").map(({ user }) => user))}
          set={set}
          close={() => add(false)}
        />
      )}
      {leaving && (
        <Remove context={context} member={leaving} again={members.again} close={() => remove(undefined)} />
      )}
    </Section>
  );
}

function Add(props: {
  context: ContextInfo;
  known: Set<string>;
  set: (user: string, role: RoleName) => Promise<void>;
  close: () => void;
}) {
  const peers = useQuery("peers", listPeers, movesPeople);
  const others = (peers.data ?? []).filter(({ user, blocked }) => !props.known.has(user) && !blocked);
  const [user, choose] = useState("");
  const [role, give] = useState<RoleName>("reader");
  const chosen = user || others[0]?.user || "";
  const add = async (event: Event) => {
    event.preventDefault();
    await props.set(chosen, role);
    props.close();
  };
  return (
    <Dialog title={`Add somebody to ${plain(props.context.label)}`} close={props.close}>
      {others.length === 0 ? (
        <p>Everybody you know is in it. An invitation brings in who you do not know yet.</p>
      ) : (
        <form class="grid-gap" onSubmit={add}>
          <Labelled label="Who" hint="She is told, and chooses herself whether she follows.">
            <select class="field" value={chosen} onChange={(event) => choose(event.currentTarget.value)}>
              {others.map((peer) => (
                <option key={peer.user} value={peer.user}>
                  {plain(peer.name)} ({peer.user.slice(0, 8)}
                  {peer.verified ? "" : ", not compared"})
                </option>
              ))}
            </select>
          </Labelled>
          <Labelled label="Role">
            <select class="field" value={role} onChange={(event) => give(event.currentTarget.value as RoleName)}>
              {GIVEN.map((one) => (
                <option key={one} value={one}>
                  {one}: {ROLES[one]}
                </option>
              ))}
            </select>
          </Labelled>
          <div class="dialog-ends">
            <button type="submit" class="button primary">
              Add
            </button>
          </div>
        </form>
      )}
    </Dialog>
  );
}

function Remove(props: { context: ContextInfo; member: MemberInfo; again: () => void; close: () => void }) {
  const { context, member } = props;
  const name = plain(member.name);
  const [keep, choose] = useState<"all" | "nothing">("all");
  const remove = async () => {
    const path = { context: context.id, user: member.user };
    await act(
      answer(api.DELETE("/api/v1/contexts/{context}/members/{user}", { params: { path, query: { keep } } })),
      `${name} is removed from ${plain(context.label)}`,
    );
    props.again();
    props.close();
  };
  return (
    <Dialog title={`Remove ${name}?`} close={props.close}>
      <p>She gets nothing new and says nothing more in {plain(context.label)}. Copies that she took stay hers.</p>
      <fieldset class="choices">
        <legend>Her {count(member.stacks, "stack")}</legend>
        <label class="choice">
          <input type="radio" name="keep" checked={keep === "all"} onChange={() => choose("all")} />
          <b>Stay</b>
          <span class="muted">What she pushed so far goes on to count.</span>
        </label>
        <label class="choice">
          <input type="radio" name="keep" checked={keep === "nothing"} onChange={() => choose("nothing")} />
          <b>Go</b>
          <span class="muted">Nothing of hers counts; you can let it count again.</span>
        </label>
      </fieldset>
      <div class="dialog-ends">
        <button type="button" class="button" onClick={props.close}>
          Cancel
        </button>
        <button type="button" class="button danger" onClick={remove}>
          Remove
        </button>
      </div>
    </Dialog>
  );
}
