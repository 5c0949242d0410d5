/** What is used of plotly, whose package has no types. */
declare module "plotly.js-strict-dist-min" {
  const plotly: {
    newPlot: (place: HTMLElement, figure: object) => Promise<unknown>;
  };
  export default plotly;
}
