// What is said about a stack, a frame of it, or a card of a dashboard: signed by who said it, and
// here on every device that follows.

import "../styles/comments.css";

import { useEffect, useRef, useState } from "preact/hooks";

import { all, answer, api } from "../api/client";
import type { CommentInfo } from "../api/schema";
import { plain, short } from "../format";
import { type Query, useQuery } from "../live/query";
import { Avatar } from "./avatar";
import { ask } from "./dialog";
import { later } from "./later";
import { Known } from "./states";
import { Time } from "./time";
import { complain } from "./toasts";

const Prose = later(() => import("./markdown").then((module) => module.Prose));

/** Most bytes of a comment, as the daemon takes them. */
const MOST = 2048;

/** What comments are about: a stack or a frame by reference, or a dashboard and one card of it. */
export type About = { ref: string } | { board: string; card?: string };

/** Returns the comments on something, the first one first. */
export function useComments(about: About): Query<CommentInfo[]> {
  return useQuery(
    `comments ${JSON.stringify(about)}`,
    () =>
      all<CommentInfo>((cursor) => {
        const query = { ...about, limit: 500, ...(cursor ? { cursor } : {}) };
        return answer(api.GET("/api/v1/comments", { params: { query } }));
      }),
    ({ event }) => event === "comment.changed" || event === "context.changed",
  );
}

interface CommentsProps {
  comments: Query<CommentInfo[]>;
  /** What a new one is about; nothing where one may not say anything. */
  about: About | undefined;
  /** Returns where the frame that a comment is about is shown. */
  frameAt?: (frame: string) => string;
}

/** Comments, and a field for one more. */
export function Comments({ comments, about, frameAt }: CommentsProps) {
  return (
    <section class="comments" aria-label="Comments">
      <Known query={comments} lines={4}>
        {(known) =>
          known.length === 0 ? (
            <p class="muted">Nobody said anything yet.{about === undefined ? "" : " What you say is signed, and everybody who follows reads it."}</p>
          ) : (
            <ol>
              {known.map((comment) => (
                <Comment key={comment.id} comment={comment} again={comments.again} {...(frameAt ? { frameAt } : {})} />
              ))}
            </ol>
          )
        }
      </Known>
      {about === undefined ? (
        <p class="muted">You read this context and do not write in it, so you can say nothing here.</p>
      ) : (
        <Field
          label="Say something"
          send="Comment"
          done={async (text) => {
            await answer(api.POST("/api/v1/comments", { body: { ...about, text } }));
            comments.again();
          }}
        />
      )}
    </section>
  );
}

function Comment(props: { comment: CommentInfo; again: () => void; frameAt?: (frame: string) => string }) {
  const { comment, again, frameAt } = props;
  const { author, frame } = comment;
  const [edits, setEdits] = useState(false);
  const path = { comment: comment.id };
  const takeBack = async () => {
    const title = "Take this comment back?";
    const text = "It is no longer shown to anybody. Who read it has read it.";
    if (!(await ask({ title, text, yes: "Take it back", bad: true }))) return;
    try {
      await answer(api.DELETE("/api/v1/comments/{comment}", { params: { path } }));
      again();
    } catch (error) {
      complain(error);
    }
  };
  return (
    <li class="comment">
      <Avatar user={author.user} name={author.name} />
      <div class="grow">
        <p class="meta">
          <b>{comment.mine ? "You" : plain(author.name)}</b>
          <Time at={comment.time} />
          {comment.edited != null && <span>changed <Time at={comment.edited} /></span>}
          {frame != null && (frameAt ? <a class="badge" href={frameAt(frame)}>on {short(frame)}</a> : <span class="badge">on {short(frame)}</span>)}
          {comment.mine && !edits && (
            <span class="end">
              <button type="button" class="button bare small" onClick={() => setEdits(true)}>
                Change
              </button>
              <button type="button" class="button bare small" onClick={() => void takeBack()}>
                Take back
              </button>
            </span>
          )}
        </p>
        {edits ? (
          <Field
            label="Say it otherwise"
            send="Save"
            text={comment.text}
            cancel={() => setEdits(false)}
            done={async (text) => {
              await answer(api.PATCH("/api/v1/comments/{comment}", { params: { path }, body: { text } }));
              setEdits(false);
              again();
            }}
          />
        ) : (
          <Prose text={comment.text} />
        )}
      </div>
    </li>
  );
}

interface FieldProps {
  label: string;
  send: string;
  text?: string;
  done: (text: string) => Promise<void>;
  cancel?: () => void;
}

function Field({ label, send, text: before = "", done, cancel }: FieldProps) {
  const [text, setText] = useState(before);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    if (cancel) field.current?.focus();
  }, []);
  const bytes = new TextEncoder().encode(text.trim()).length;
  const refused = text.trim() === "" || bytes > MOST || busy;
  const submit = async (event: Event) => {
    event.preventDefault();
    if (refused) return;
    setBusy(true);
    setProblem(undefined);
    try {
      await done(text.trim());
      setText("");
    } catch (error) {
      setProblem((error as Error).message);
    }
    setBusy(false);
  };
  return (
    <form class="grid-gap" onSubmit={(event) => void submit(event)}>
      <label>
        <span class="visually-hidden">{label}</span>
        <textarea
          ref={field}
          class="field"
          rows={3}
          placeholder="In Markdown"
          value={text}
          aria-invalid={bytes > MOST}
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void submit(event);
            else if (event.key === "Escape" && cancel) {
              event.stopPropagation();
              event.preventDefault();
              cancel();
            }
          }}
        />
      </label>
      {problem !== undefined && (
        <p class="said" role="alert">
          {plain(problem)}
        </p>
      )}
      <div class="row ends">
        <span class={bytes > MOST ? "bad" : "muted"} role="status">
          {bytes > MOST * 0.8 ? `${bytes.toLocaleString("en")} of ${MOST.toLocaleString("en")} bytes` : ""}
        </span>
        {cancel && (
          <button type="button" class="button" onClick={cancel}>
            Cancel
          </button>
        )}
        <button class="button primary" disabled={refused} title="Ctrl-Enter">
          {send}
        </button>
      </div>
    </form>
  );
}
