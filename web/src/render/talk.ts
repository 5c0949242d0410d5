// What a page and the frame that draws a figure say to each other.

/** What a frame draws. */
export type Drawn = "plotly" | "vega" | "bokeh" | "html";

/** From the page: what to draw. */
export interface Draw {
  draw: Drawn;
  /** The bytes of the figure, handed over. */
  bytes: ArrayBuffer;
  look: Look;
  /** The letters of the page, which a frame without a network cannot load itself. */
  letters?: ArrayBuffer | undefined;
}

/** From the page: how it looks now. */
export interface Look {
  dark: boolean;
  ink: string;
  line: string;
  font: string;
  /** How high the place for it is, in pixels, where that is given. */
  room?: number;
}

/** From the frame. */
export type Said =
  | { dsp: "ready" }
  | { dsp: "drawn"; height: number }
  | { dsp: "failed"; reason: string }
  /** What is drawn, as the address of a picture that holds it; nothing where there is none. */
  | { dsp: "picture"; url: string | undefined };
