/** Pixels of a picture for one of the page. */
export const SCALE = 2;

/** Returns a drawing as the address of a picture that holds it. */
export async function pictureOf(svg: SVGElement): Promise<string> {
  const { width, height } = svg.getBoundingClientRect();
  const picture = new Image();
  picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(svg))}`;
  await picture.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [Math.ceil(width * SCALE), Math.ceil(height * SCALE)];
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("the browser draws nothing");
  context.scale(SCALE, SCALE);
  context.drawImage(picture, 0, 0, width, height);
  return canvas.toDataURL("image/png");
}
