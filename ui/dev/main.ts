// Shows one scene: /dev/?scene={"people":4}&path=/m/<id>&theme=light&locale=zh-CN&panel=chat

import { mount } from "svelte";
import "../src/styles/tokens.css";
import "../src/styles/base.css";
import App from "../src/App.svelte";
import { prefs, remember, followSystem } from "../src/state/prefs.svelte";
import type { DataSaverMode } from "../src/port/port";
import NotStarted from "../src/views/NotStarted.svelte";
import { fakePort, type Scene } from "./fake";

const query = new URLSearchParams(location.search);
remember({
  theme: query.get("theme") === "light" ? "light" : "dark",
  language: query.get("locale") === "zh-CN" ? "zh-CN" : "en",
  highContrast: query.get("contrast") === "more",
  layout: query.get("layout") === "speaker" ? "speaker" : "grid",
  name: query.get("name") ?? prefs.name,
  dataSaver: (query.get("saver") ?? "off") as DataSaverMode,
});
followSystem();
const scene = JSON.parse(query.get("scene") ?? '{"people":4}') as Scene;
const target = document.getElementById("app");
const path = query.get("path") ?? "/m/0123456789abcdefghjkmnpqrs";
if (target !== null && scene.notStarted) mount(NotStarted, { target });
else if (target !== null) mount(App, { target, props: { port: fakePort(scene, path) } });
