// Keys of the clinicians' pages: a help dialog by "?", and a switch for those whom single keys disturb.
const KEPT = "nevus-keys";
const help = document.getElementById("help");
const open = document.getElementById("open-help");
const box = document.getElementById("keys-on");
export const on = () => localStorage.getItem(KEPT) !== "off";

// actions: what to do by key; `otherwise` gets every other key.
export function listen(actions, otherwise = () => {}) {
  open.hidden = false;
  open.addEventListener("click", () => help.showModal());
  box.checked = on();
  box.addEventListener("change", () => {
    localStorage.setItem(KEPT, box.checked ? "on" : "off");
    document.dispatchEvent(new Event("nevus-keys"));
  });
  document.addEventListener("keydown", (event) => {
    if (!on() || help.open || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const action = event.key === "?" ? () => help.showModal() : actions[event.key];
    if (action) {
      event.preventDefault();
      action(event);
    } else otherwise(event);
  });
}

function typing(target) {
  return target.matches("input:not([type=checkbox], [type=range]), select, textarea, [contenteditable]");
}
