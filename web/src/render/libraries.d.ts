/** What is used of plotly, whose package has no types. */
declare module "plotly.js-strict-dist-min" {
  const plotly: {
    newPlot: (place: HTMLElement, figure: object) => Promise<unknown>;
    toImage: (place: HTMLElement, options: object) => Promise<string>;
  };
  export default plotly;
}
