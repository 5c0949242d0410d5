// An attachment as a person looks at it. What can run code is never shown in the page itself.

import "../styles/views.css";

import type { FunctionComponent } from "preact";

import { contentUrl } from "../api/client";
import type { FileInfo } from "../api/schema";
import { plain, size } from "../format";
import { type Kind, kindOf } from "./kinds";
import { later } from "./later";
import { Empty } from "./states";

/** An attachment and how it is written. */
export interface Shown {
  file: FileInfo;
  /** Its reference, the attachment included. */
  reference: string;
}

type View = FunctionComponent<Shown>;

const Table = later(() => import("./table").then((module) => module.Table)) as View;
const Text = later(() => import("./text").then((module) => module.Text)) as View;
const Code = later(() => import("./text").then((module) => module.Code)) as View;
const Json = later(() => import("./tree").then((module) => module.Json)) as View;
const Markdown = later(() => import("./markdown").then((module) => module.Markdown)) as View;
const Notebook = later(() => import("./notebook").then((module) => module.Notebook)) as View;
const Plotly = later(() => import("./figure").then((module) => module.figure("plotly"))) as View;
const Vega = later(() => import("./figure").then((module) => module.figure("vega"))) as View;
const Bokeh = later(() => import("./figure").then((module) => module.figure("bokeh"))) as View;
const Html = later(() => import("./raw").then((module) => module.Html)) as View;
const Pdf = later(() => import("./raw").then((module) => module.Pdf)) as View;
const Audio = later(() => import("./raw").then((module) => module.Audio)) as View;
const Video = later(() => import("./raw").then((module) => module.Video)) as View;
const Safetensors = later(() => import("./model").then((module) => module.Safetensors)) as View;
const Onnx = later(() => import("./model").then((module) => module.Onnx)) as View;
const Model = later(() => import("./model").then((module) => module.Model)) as View;
const Other = later(() => import("./model").then((module) => module.Other)) as View;

/** What shows each kind of attachment. */
const SHOWN: Record<Kind, View> = {
  image: Image,
  table: Table,
  markdown: Markdown,
  json: Json,
  code: Code,
  text: Text,
  notebook: Notebook,
  plotly: Plotly,
  vega: Vega,
  bokeh: Bokeh,
  html: Html,
  pdf: Pdf,
  audio: Audio,
  video: Video,
  safetensors: Safetensors,
  onnx: Onnx,
  model: Model,
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
