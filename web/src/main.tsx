import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/frame.css";
import "./styles/parts.css";
import "./styles/pages.css";
import "./styles/boards.css";
import "./styles/views.css";

import { render } from "preact";

import { App } from "./app";
import { start } from "./live/feed";
import { keepNode } from "./state";

start();
keepNode();
render(<App />, document.getElementById("app") as HTMLElement);
