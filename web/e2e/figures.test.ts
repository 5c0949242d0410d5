// Every kind of attachment drawn: what is in it, and how it looks.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliDecompressSync } from "node:zlib";

import type { Browser, FrameLocator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { launch, violations, Visitor } from "./browser";
import { Daemon, type Pushing } from "./daemon";
import { png, wav } from "./fixtures";
import { ownFonts, pictured } from "./pictures";

const FIGURES = join(import.meta.dirname, "figures");
const read = (name: string) => readFileSync(join(FIGURES, name));

const PLOTLY = {
  data: [{ type: "bar", x: ["one", "two"], y: [1, 3] }],
  layout: { title: { text: "Sums of weeks" }, xaxis: { title: { text: "week" } } },
};
const VEGA = {
  $schema: "https://vega.github.io/schema/vega-lite/v6.json",
  title: "Weeks of Vega",
  data: { values: [{ week: "one", sum: 1 }, { week: "two", sum: 3 }] },
  mark: "bar",
  encoding: { x: { field: "week" }, y: { field: "sum", type: "quantitative" } },
};
const NOTEBOOK = {
  nbformat: 4,
  metadata: { language_info: { name: "python" } },
  cells: [
    { cell_type: "markdown", source: ["# A week\n", "in `Python`"] },
    {
      cell_type: "code",
      execution_count: 1,
      source: "print(1 + 1)",
      outputs: [
        { output_type: "stream", name: "stdout", text: ["2\n"] },
        { output_type: "execute_result", data: { "text/html": ["<table><tr><td>a cell of a table</td></tr></table><img src=x onerror=alert(1)>"], "text/plain": "…" } },
        { output_type: "display_data", data: { "application/vnd.plotly.v1+json": PLOTLY } },
        { output_type: "display_data", data: { "image/png": png(30, 20).toString("base64") } },
        { output_type: "error", ename: "ValueError", evalue: "no", traceback: ["\u001b[31mValueError\u001b[0m: no week"] },
      ],
    },
  ],
};

let browser: Browser;
let alice: Daemon;
let bob: Daemon;
let visitor: Visitor;

beforeAll(async () => {
  [browser, alice, bob] = await Promise.all([launch(ownFonts()), Daemon.start("alice"), Daemon.start("bob")]);
  visitor = await Visitor.come(browser, alice);
});

afterAll(async () => {
  await visitor?.leave();
  await browser?.close();
  await Promise.all([alice?.end(), bob?.end()]);
});

/** Pushes an attachment and opens the page of its stack. */
async function shown(stack: string, file: Pushing): Promise<Page> {
  await alice.pushFrame(stack, [file]);
  return visitor.at(`/s/me/main/${stack}`);
}

/** The part of a page that draws an attachment. */
const view = (page: Page) => page.locator("section.view").first();

/** The frame that draws a figure. */
function frameIn(page: Page): FrameLocator {
  return page.frameLocator("iframe.figure");
}

/** What a page says of an attachment, compared with the picture that is kept, and without a fault. */
async function fine(page: Page, what: string): Promise<void> {
  // High enough for all of it: the bar of the page would lie over what is scrolled.
  const size = page.viewportSize();
  await page.setViewportSize({ width: 1280, height: 1600 });
  await pictured(view(page), what);
  if (size) await page.setViewportSize(size);
  expect(await violations(page), what).toEqual([]);
  const overflows = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  expect(overflows, what).toBe(false);
  await page.close();
}

describe("an attachment is drawn", () => {
  it("of pictures", async () => {
    const page = await shown("draw/picture", { path: "blue.png", bytes: png(320, 120) });
    const picture = page.getByRole("img", { name: "blue.png" });
    await expect.poll(() => picture.evaluate((img) => (img as HTMLImageElement).naturalWidth)).toBe(320);
    await fine(page, "picture");
  });

  it("of SVG, in which nothing runs", async () => {
    const bytes = `<svg xmlns="http://www.w3.org/2000/svg" width="320" height="120"><rect width="320" height="120" fill="#0f8f8c"/><circle cx="90" cy="60" r="40" fill="#fff"/><script>document.documentElement.innerHTML = ""</script></svg>`;
    const page = await shown("draw/svg", { path: "shapes.svg", bytes });
    const picture = page.getByRole("img", { name: "shapes.svg" });
    await expect.poll(() => picture.evaluate((img) => (img as HTMLImageElement).naturalWidth)).toBe(320);
    await fine(page, "svg");
  });

  it("of tables", async () => {
    const rows = Array.from({ length: 40 }, (_, row) => `2026-01-${String((row % 28) + 1).padStart(2, "0")},${row % 3 ? "north" : "south"},${row * row}`);
    const page = await shown("draw/table", { path: "sums.csv", bytes: `day,region,sum\n${rows.join("\n")}\n` });
    await page.getByRole("table", { name: "40 rows of 3 columns" }).getByRole("cell", { name: "361" }).waitFor();
    await page.locator(".sum svg").first().waitFor();
    await fine(page, "table");
  });

  it("of plotly", async () => {
    const page = await shown("draw/plotly", { path: "figure.json", app: "plotly", bytes: JSON.stringify(PLOTLY) });
    await frameIn(page).getByText("Sums of weeks").waitFor();
    await expect.poll(() => frameIn(page).locator(".bars .point").count()).toBe(2);
    await expect.poll(() => page.locator("iframe.figure").evaluate((frame) => frame.clientHeight)).toBeGreaterThan(300);
    // It looks as the page does.
    const colour = () => frameIn(page).locator(".gtitle").evaluate((title) => getComputedStyle(title).fill);
    const light = await colour();
    await page.getByRole("button", { name: "Use dark colours" }).click();
    await expect.poll(colour).not.toBe(light);
    await page.getByRole("button", { name: "Use light colours" }).click();
    await fine(page, "plotly");
  });

  it("of plotly on a map, as far as it brings it along", async () => {
    const square = (from: number) => [[from, 0], [from, 20], [from + 20, 20], [from + 20, 0], [from, 0]];
    const region = (id: string, from: number) => ({ type: "Feature", id, properties: {}, geometry: { type: "Polygon", coordinates: [square(from)] } });
    const geojson = { type: "FeatureCollection", features: [region("a", 0), region("b", 30)] };
    const map = {
      data: [{ type: "choropleth", geojson, locations: ["a", "b"], z: [1, 2] }, { type: "scattergeo", lon: [25], lat: [30], mode: "markers" }],
      layout: { title: { text: "Two squares" }, geo: { fitbounds: "locations" } },
    };
    const page = await shown("draw/map", { path: "map.json", app: "plotly", bytes: JSON.stringify(map) });
    await frameIn(page).getByText("Two squares").waitFor();
    await frameIn(page).getByText("The outlines of lands are not in this figure").waitFor();
    await expect.poll(() => frameIn(page).locator(".choroplethlayer path").count()).toBe(2);
    await expect.poll(() => frameIn(page).locator(".scatterlayer path.point, .scattergeo path.point").count()).toBe(1);
    await fine(page, "map");
  });

  it("of Vega-Lite", async () => {
    const media = "application/vnd.vegalite+json";
    const page = await shown("draw/vega", { path: "chart.vl.json", media, app: "altair", bytes: JSON.stringify(VEGA) });
    await frameIn(page).getByText("Weeks of Vega").waitFor();
    await expect.poll(() => frameIn(page).locator(".mark-rect path").count()).toBe(2);
    await fine(page, "vega");
  });

  it("of Vega-Lite on a map, of what it brings along", async () => {
    // Two squares that share an edge, as arcs.
    const topology = {
      type: "Topology",
      arcs: [[[0, 0], [0, 10], [10, 10]], [[10, 10], [10, 0]], [[10, 0], [0, 0]], [[10, 10], [20, 10], [20, 0], [10, 0]]],
      objects: {
        lands: {
          type: "GeometryCollection",
          geometries: [
            { type: "Polygon", id: "west", arcs: [[0, 1, 2]] },
            { type: "Polygon", id: "east", arcs: [[3, -2]] },
          ],
        },
      },
    };
    const map = {
      $schema: "https://vega.github.io/schema/vega-lite/v6.json",
      title: "Two lands",
      data: { values: topology, format: { type: "topojson", feature: "lands" } },
      mark: { type: "geoshape", stroke: "white" },
      encoding: { color: { field: "id", type: "nominal" } },
    };
    const media = "application/vnd.vegalite+json";
    const page = await shown("draw/vega-map", { path: "map.vl.json", media, app: "altair", bytes: JSON.stringify(map) });
    await frameIn(page).getByText("Two lands").waitFor();
    const lands = frameIn(page).locator(".mark-shape path");
    await expect.poll(() => lands.count()).toBe(2);
    // Each is drawn with an area and a colour of its own.
    expect(await lands.evaluateAll((all) => all.every((one) => (one as SVGGraphicsElement).getBBox().width > 20))).toBe(true);
    expect(new Set(await lands.evaluateAll((all) => all.map((one) => one.getAttribute("fill")))).size).toBe(2);
    expect(await violations(page)).toEqual([]);
    await page.close();
  });

  it("of Bokeh", async () => {
    const page = await shown("draw/bokeh", { path: "plot.json", app: "bokeh", bytes: read("bokeh.json") });
    const canvas = frameIn(page).locator("canvas").first();
    await canvas.waitFor();
    const drawn = () =>
      canvas.evaluate((element) => {
        const { width, height } = element as HTMLCanvasElement;
        const pixels = (element as HTMLCanvasElement).getContext("2d")?.getImageData(0, 0, width, height).data ?? [];
        return new Set(pixels).size;
      });
    await expect.poll(drawn).toBeGreaterThan(10);
    await fine(page, "bokeh");
  });

  it("of HTML, whose scripts run where they are one's own", async () => {
    const bytes = "<!doctype html><html lang=en><title>A page</title><main><h1>still</h1></main><script>document.querySelector('h1').textContent = 'it runs'</script>";
    const page = await shown("draw/html", { path: "page.html", bytes });
    await page.frameLocator("iframe").getByRole("heading", { name: "it runs" }).waitFor();
    await expect.poll(() => page.locator("iframe").getAttribute("src")).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/raw\/[0-9a-f]{64}\/page\.html$/);
    await fine(page, "html");
  });

  it("of htmlwidgets, as the R client writes them", async () => {
    const page = await shown("draw/widget", { path: "widget.html", app: "htmlwidgets", bytes: widget() });
    const drawn = page.frameLocator("iframe");
    await drawn.getByText("Sums of a widget").waitFor();
    await expect.poll(() => drawn.locator(".bars .point").count()).toBe(3);
    // Debian's plotly.js is not quite the one that its R package was written for.
    visitor.forgive(/GLOBAL is not defined|'mapbox'/);
    await fine(page, "widget");
  });

  it("of films", async () => {
    const page = await shown("draw/film", { path: "film.webm", bytes: read("film.webm") });
    const film = page.locator("video");
    await expect.poll(() => film.evaluate((video) => (video as HTMLVideoElement).readyState)).toBeGreaterThan(1);
    await expect.poll(() => film.evaluate((video) => (video as HTMLVideoElement).videoWidth)).toBe(160);
    // The controls are the browser's own, and go after a while.
    await film.evaluate((video) => video.removeAttribute("controls"));
    await pictured(film, "film");
    await film.evaluate((video) => video.setAttribute("controls", ""));
    // Nobody wrote down what is said in it.
    const found = (await violations(page)).filter((one) => !one.startsWith("video-caption"));
    expect(found).toEqual([]);
    await page.close();
  });

  it("of PDF", async () => {
    const page = await shown("draw/pdf", { path: "paper.pdf", bytes: pdf("A page of PDF") });
    // The viewer is a part of the browser; of what it draws a picture is all that a test gets.
    await expect.poll(() => page.frames().some((frame) => frame.url().startsWith("chrome-extension://"))).toBe(true);
    await expect.poll(async () => (await page.locator("iframe").screenshot()).length).toBeGreaterThan(6000);
    await page.close();
  });

  it("of sound", async () => {
    const page = await shown("draw/sound", { path: "sound.wav", bytes: wav(2) });
    const sound = page.locator("audio");
    await expect.poll(() => sound.evaluate((audio) => (audio as HTMLAudioElement).duration)).toBe(2);
    await fine(page, "sound");
  });

  it("of notebooks, with what came out", async () => {
    const page = await shown("draw/notebook", { path: "week.ipynb", bytes: JSON.stringify(NOTEBOOK) });
    await page.getByRole("heading", { name: "A week" }).waitFor();
    await page.getByText("ValueError: no week").waitFor();
    await page.locator(".hljs-number, .hljs-built_in").first().waitFor();
    await page.frameLocator("iframe.figure >> nth=0").getByText("a cell of a table").waitFor();
    await page.frameLocator("iframe.figure >> nth=1").getByText("Sums of weeks").waitFor();
    const picture = page.getByRole("img", { name: "A picture that came out" });
    await expect.poll(() => picture.evaluate((img) => (img as HTMLImageElement).naturalWidth)).toBe(30);
    // Its picture from elsewhere and what that would run are left out.
    visitor.forgive(/Refused|violates|ERR_|Content Security Policy|render\.html/);
    await fine(page, "notebook");
  });

  it("of JSON, as a tree", async () => {
    const value = { weeks: [{ sum: 10 }, { sum: 30 }], name: "sales", deep: { er: { still: "hidden at first" } } };
    const page = await shown("draw/json", { path: "a.json", bytes: JSON.stringify(value) });
    await page.getByText('"sales"').waitFor();
    expect(await page.getByText("hidden at first").count()).toBe(0);
    await page.getByText("er: ").click();
    await page.getByText("hidden at first").waitFor();
    await page.getByRole("button", { name: "As text" }).click();
    await page.locator("pre .hljs-attr").first().waitFor();
    await fine(page, "json");
  });

  it("of code, in colours", async () => {
    const page = await shown("draw/code", { path: "week.py", bytes: "def week(n: int) -> str:\n    return f'week {n}'\n" });
    await page.locator(".hljs-keyword", { hasText: "def" }).waitFor();
    await fine(page, "code");
  });

  it("of long text, in parts", async () => {
    const page = await shown("draw/long", { path: "long.txt", bytes: `begin ${"word ".repeat(300_000)} end` });
    await page.getByText("begin word").waitFor();
    await page.getByRole("button", { name: "Show more" }).click();
    await expect.poll(() => page.locator("pre").evaluate((pre) => pre.textContent?.endsWith(" end"))).toBe(true);
    await page.close();
  });

  it("of Markdown, with formulas and pictures of the same frame", async () => {
    const text = "# Sums\n\nSo $a^2 + b^2$ costs $5 and $6.\n\n$$\\int_0^1 x\\,dx$$\n\n![the plot](plot.png) ![far](https://evil.example/x.png)\n";
    await alice.pushFrame("draw/formulas", [{ path: "README.md", bytes: text }, { path: "plot.png", bytes: png(40, 30) }]);
    const page = await visitor.at("/s/me/main/draw/formulas?file=README.md");
    await expect.poll(() => page.locator("math").count()).toBe(2);
    await expect.poll(() => page.locator("math msup").count()).toBe(2);
    await expect.poll(() => page.getByText("costs $5 and $6.").count()).toBe(1);
    const picture = page.getByRole("img", { name: "the plot" });
    await expect.poll(() => picture.evaluate((img) => (img as HTMLImageElement).naturalWidth)).toBe(40);
    await page.getByText("[far]").waitFor();
    await fine(page, "formulas");
  });

  it("of safetensors, by its header", async () => {
    const page = await shown("draw/tensors", { path: "weights.safetensors", bytes: read("weights.safetensors") });
    await page.getByRole("cell", { name: "layer.weight" }).waitFor();
    await page.getByRole("cell", { name: "4 × 2" }).waitFor();
    await page.getByText("for tests").waitFor();
    await fine(page, "safetensors");
  });

  it("of ONNX, by what it says of itself", async () => {
    const page = await shown("draw/onnx", { path: "model.onnx", bytes: read("model.onnx") });
    await page.getByRole("cell", { name: "MatMul" }).waitFor();
    await page.getByRole("cell", { name: "batch × 4" }).waitFor();
    await page.getByText("ai.onnx 17").waitFor();
    await fine(page, "onnx");
  });

  it("of a pickle, as a card that stays closed", async () => {
    const page = await shown("draw/pickle", { path: "model.pkl", app: "sklearn", bytes: Buffer.from("80049500", "hex") });
    await page.getByText("Pickle of Python").waitFor();
    await page.getByText("Who opens such a file runs what is in it.").waitFor();
    await fine(page, "pickle");
  });

  it("of no known kind, by its first bytes", async () => {
    const page = await shown("draw/unknown", { path: "a.bin", bytes: Buffer.from("00ff48656c6c6f21", "hex") });
    await page.getByText("000000  00 ff 48 65 6c 6c 6f 21").waitFor();
    await page.getByText("··Hello!").waitFor();
    await fine(page, "unknown");
  });

  it("as an error with the file to download, where it is broken", async () => {
    const page = await shown("draw/broken", { path: "x.json", app: "plotly", bytes: '{"data": 1}' });
    await page.getByText("This figure could not be drawn as it is").waitFor();
    await page.getByText("it has no data").waitFor();
    await page.getByRole("link", { name: /Download/ }).waitFor();
    await fine(page, "broken");
    const other = await shown("draw/no-tensors", { path: "x.safetensors", bytes: Buffer.alloc(40, 0xff) });
    await other.getByText("This is no file of safetensors").waitFor();
    await fine(other, "no-tensors");
  });
});

/** A page with a widget of R's plotly, written by the client. */
function widget(): Buffer {
  const folder = mkdtempSync(join(tmpdir(), "dsp-widget-"));
  const to = join(folder, "widget.html");
  const script = `library(rlang); for (file in list.files("R", full.names = TRUE)) source(file)
    plot <- plotly::plot_ly(x = c("a", "b", "c"), y = c(2, 3, 5), type = "bar")
    plot <- plotly::layout(plot, title = "Sums of a widget")
    # Debian's plotly.js is newer than its R package, whose buttons it refuses.
    write_widget(plotly::config(plot, displayModeBar = FALSE), commandArgs(TRUE))`;
  execFileSync("Rscript", ["-e", script, to], { cwd: join(import.meta.dirname, "../../clients/r"), stdio: "pipe" });
  const page = readFileSync(to);
  rmSync(folder, { recursive: true });
  return page;
}

/** A PDF of one page. */
function pdf(text: string): string {
  const stream = `BT /F1 24 Tf 72 700 Td (${text}) Tj ET`;
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
    `<< /Length ${stream.length} >>\nstream\n${stream}\nendstream`,
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
  ];
  let body = "%PDF-1.4\n";
  const places = objects.map((object, index) => {
    const place = body.length;
    body += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return `${String(place).padStart(10, "0")} 00000 n \n`;
  });
  const start = body.length;
  return `${body}xref\n0 6\n0000000000 65535 f \n${places.join("")}trailer << /Size 6 /Root 1 0 R >>\nstartxref\n${start}\n%%EOF\n`;
}

describe("what a browser loads", () => {
  it("is little before it shows anything", () => {
    const folder = join(import.meta.dirname, "../embed/ui");
    const html = brotliDecompressSync(readFileSync(join(folder, "index.html.br"))).toString();
    const named = [...html.matchAll(/"\/(assets\/[^"]+\.(?:js|css))"/g)].map(([, path]) => `${path}.br`);
    expect(named.length, "the document names its files").toBeGreaterThan(3);
    const bytes = ["index.html.br", ...named].reduce((sum, path) => sum + statSync(join(folder, path)).size, 0);
    expect(bytes, `the document and ${named.join(", ")}`).toBeLessThan(60_000);
  });

  it("is not more than was planned", () => {
    const folder = join(import.meta.dirname, "../embed/ui");
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const bytes = files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
    expect(bytes, "all files, packed").toBeLessThan(2_500_000);
  });
});
