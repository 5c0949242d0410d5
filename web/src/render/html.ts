import type { Renderer } from "./main";

/** Shows a piece of HTML, such as a table in a notebook. Its scripts do not run. */
export const draw: Renderer = (place, bytes) => {
  const element = document.createElement("div");
  element.className = "html";
  // No origin, no network, and a policy that runs none of its scripts.
  element.innerHTML = new TextDecoder().decode(bytes);
  place.append(element);
  return Promise.resolve();
};
