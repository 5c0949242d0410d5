import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/frame.css";
import "./styles/parts.css";
import "./styles/pages.css";
import "./styles/nodes.css";

import { render } from "preact";

import { App } from "./app";
import { start } from "./live/feed";
import { showOnDesktop } from "./notifications";
import { preload, preloadAhead } from "./routes";
import { keepNode } from "./state";

// The code of this page comes while the rest is made ready.
preload(location.pathname);
start();
keepNode();
showOnDesktop();
render(<App />, document.getElementById("app") as HTMLElement);
preloadAhead();
