// The worklist by keys: j and k move the focus, Enter is the link's own.
import { listen } from "./clinician_keys.js";

const links = [...document.querySelectorAll("#worklist a")];
const find = document.getElementById("find");

function move(by) {
  const at = links.indexOf(document.activeElement);
  const next = at < 0 ? (by > 0 ? 0 : links.length - 1) : Math.min(Math.max(at + by, 0), links.length - 1);
  links[next]?.focus();
}

listen({
  j: () => move(1),
  k: () => move(-1),
  "/": () => { find.focus(); find.select(); },
  n: () => document.getElementById("next")?.click(),
});
