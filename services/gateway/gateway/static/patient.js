// The form for a new photo: a camera, a look at the photo, and sending that survives a lost connection.
import { send, shrink } from "./patient_send.js";

const at = (id) => document.getElementById(id);
const [form, image, camera, sending, sent, again, refused] = ["ask", "image", "camera", "sending", "sent", "again", "refused"].map(at);
const limits = form.dataset.limits && JSON.parse(form.dataset.limits);
const side = Number(form.dataset.side);
const button = form.querySelector("button[type=submit]");
let prepared = null; // of the photo that is chosen
let tried = false; // whether this form's key was used

const word = (name) => at("words").content.querySelector(`[data-word="${name}"]`)?.textContent ?? "";
const say = (text) => { at("sending-says").textContent = text; };

image.addEventListener("change", async () => {
  at("photo-says").textContent = "";
  const mine = image.files[0] ? shrink(image.files[0]) : null;
  prepared = mine;
  const bitmap = (await mine)?.bitmap;
  if (!bitmap || !limits) return;
  const [{ look }, { fault }] = await Promise.all([import("./patient_camera.js"), import("./patient_measure.js")]);
  const found = fault(look(bitmap, side), limits) || "good";
  if (prepared === mine) at("photo-says").textContent = word(found);
});

// What was sent under a key stays what that key means: whatever is changed afterwards gets another.
form.addEventListener("input", () => {
  refused.hidden = true;
  if (!tried) return;
  tried = false;
  const random = crypto.getRandomValues(new Uint8Array(16));
  form.elements.idempotency_key.value = Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (button.disabled) return;
  busy(true);
  const body = new FormData(form);
  say(word("shrinking"));
  prepared ??= shrink(image.files[0]);
  body.set("image", (await prepared).file, "photo");
  tried = true;
  const answer = await send(form.action, body, tell, again);
  if (answer.place) location.assign(answer.place);
  else ended(answer);
});

again.addEventListener("click", () => { if (!button.disabled) form.requestSubmit(); });
addEventListener("pageshow", (event) => { if (event.persisted) busy(false); });

function busy(on) {
  button.disabled = on;
  sending.hidden = !on;
  again.hidden = true;
  if (on) refused.hidden = true;
  sent.removeAttribute("value");
  sent.hidden = false;
}

function tell(what, value) {
  again.hidden = what !== "lost";
  if (what === "sending") sent.value = value;
  else sent.removeAttribute("value");
  if (what === "lost" && !navigator.onLine) say(word("offline"));
  else if (say.last !== what) say(word(what).replace("{seconds}", value));
  say.last = what;
}

function ended({ title, detail, lost }) {
  button.disabled = false;
  sent.hidden = true;
  if (lost) {
    say(word("ended"));
    again.hidden = false;
    return;
  }
  sending.hidden = true;
  refused.querySelector("strong").textContent = title;
  refused.querySelector("span").textContent = detail;
  refused.hidden = false;
  refused.focus();
}

// The camera in the page where the browser has one, else the phone's own.
const streams = Boolean(navigator.mediaDevices?.getUserMedia && window.HTMLDialogElement);
const phone = matchMedia("(pointer: coarse)").matches;
camera.hidden = !limits || !(streams || phone);
camera.addEventListener("click", async () => {
  if (!streams) {
    image.setAttribute("capture", "environment");
    image.click();
    image.removeAttribute("capture");
    return;
  }
  try {
    const { takePhoto } = await import("./patient_camera.js");
    const file = await takePhoto(at("framing"), limits, side);
    if (file) choose(file);
  } catch {
    at("photo-says").textContent = word("nocamera");
  }
});

function choose(file) {
  const chosen = new DataTransfer();
  chosen.items.add(file);
  image.files = chosen.files;
  image.dispatchEvent(new Event("change", { bubbles: true }));
  image.dispatchEvent(new Event("input", { bubbles: true }));
}
