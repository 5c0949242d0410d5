// An attachment as a person looks at it. What can run code is never shown in the page itself.

import type { FunctionComponent } from "preact";
import { lazy } from "preact-iso";

import { contentUrl } from "../api/client";
import type { FileInfo } from "../api/schema";
import { plain, size } from "../format";
import { kindOf } from "./kinds";
import { Empty } from "./states";

/** An attachment and how it is written. */
export interface Shown {
  file: FileInfo;
  /** Its reference, the attachment included. */
  reference: string;
}

const Table = lazy(() => import("./table").then((module) => module.Table));
const Text = lazy(() => import("./text").then((module) => module.Text));
const Markdown = lazy(() => import("./markdown").then((module) => module.Markdown));

/** What shows each kind of attachment. */
const SHOWN: Record<ReturnType<typeof kindOf>, FunctionComponent<Shown>> = {
  image: Image,
  table: Table as FunctionComponent<Shown>,
  markdown: Markdown as FunctionComponent<Shown>,
  text: Text as FunctionComponent<Shown>,
  audio: Audio,
  video: Video,
  other: Other,
};

/** Shows an attachment, or says why it cannot be shown. */
export function Show(shown: Shown) {
  const { file } = shown;
  if (!file.here) {
    return (
      <Empty icon="download" title="Not on this machine yet">
        <p>
          {plain(file.path)} has {size(file.size)}, which stay where they are until somebody asks for them.
        </p>
      </Empty>
    );
  }
  const Kind = SHOWN[kindOf(file)];
  return <Kind {...shown} />;
}

function Image({ file, reference }: Shown) {
  return (
    <figure class="picture">
      <img src={contentUrl(reference)} alt={plain(file.text || file.path)} decoding="async" />
    </figure>
  );
}

function Audio({ reference }: Shown) {
  return <audio controls src={contentUrl(reference)} />;
}

function Video({ reference }: Shown) {
  return <video controls src={contentUrl(reference)} />;
}

function Other({ file, reference }: Shown) {
  return (
    <Empty icon="file" title={plain(file.path)}>
      <p>
        {file.media}, {size(file.size)}. There is no view of this kind yet.
      </p>
      <a class="button" href={contentUrl(reference)} download={file.path.split("/").at(-1)}>
        Download
      </a>
    </Empty>
  );
}
