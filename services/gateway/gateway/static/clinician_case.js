// One photo: the heat map over it, zoom, and a diagnosis in two keys: m or b, then its number.
import { listen, on } from "./clinician_keys.js";
import { Viewer } from "./clinician_viewer.js";

const at = (id) => document.getElementById(id);
const viewer = new Viewer(at("window"), at("stage"), at("photo"));
const [map, toggle, opacity, tools] = ["map", "toggle", "opacity", "tools"].map(at);
tools.hidden = false;
at("window").setAttribute("aria-label", tools.dataset.sayWindow);
at("larger").addEventListener("click", () => viewer.zoom(1.4));
at("smaller").addEventListener("click", () => viewer.zoom(1 / 1.4));
at("fit").addEventListener("click", () => viewer.fit());

if (map) {
  const figure = map.closest("figure");
  at("stage").append(map);
  figure.classList.add("moved");
  map.hidden = true;
  toggle.addEventListener("click", () => show(map.hidden));
  opacity.addEventListener("input", () => show(true));
}

function show(visible) {
  map.hidden = !visible;
  map.style.opacity = opacity.value / 100;
  toggle.setAttribute("aria-pressed", String(visible));
}

const kinds = [...document.querySelectorAll(".kind")];
const pressed = at("pressed");
let chosen = null;

function choose(kind) {
  chosen = kind;
  for (const each of kinds) each.classList.toggle("chosen", each === kind);
  const title = kind?.querySelector("legend").firstChild.textContent.trim();
  pressed.textContent = kind ? pressed.dataset.sayPressed.replace("%KIND%", title) : "";
  if (kind) at("diagnose").scrollIntoView({ block: "nearest" });
}

function digit(event) {
  const number = Number(event.key);
  if (!chosen || !Number.isInteger(number) || number < 1) return;
  const button = chosen.querySelectorAll("button")[number - 1];
  if (button) button.click();
}

listen({
  m: () => choose(kinds.find((kind) => kind.dataset.key === "m")),
  b: () => choose(kinds.find((kind) => kind.dataset.key === "b")),
  Escape: () => choose(null),
  h: () => map && show(map.hidden),
  "+": () => viewer.zoom(1.4),
  "=": () => viewer.zoom(1.4),
  "-": () => viewer.zoom(1 / 1.4),
  0: () => viewer.fit(),
  j: () => at("following")?.click(),
  u: () => at("back").click(),
}, digit);

const hints = () => { for (const key of document.querySelectorAll(".hinted")) key.hidden = !on(); };
document.addEventListener("nevus-keys", hints);
hints();
