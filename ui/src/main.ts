// Assembly: the browser's port, the styles, the one app.

import { mount } from "svelte";
import "./styles/tokens.css";
import "./styles/base.css";
import App from "./App.svelte";
import { createGuestPort } from "./port/guest";
import { followSystem } from "./state/prefs.svelte";

followSystem();

const target = document.getElementById("app");
if (target !== null) mount(App, { target, props: { port: createGuestPort() } });
