// Many photos: a few at a time to the API, each with its own key, so that sending one again makes no second record.
import { Sender, refusal } from "./clinician_send.js";
import { csv } from "./clinician_csv.js";

const at = (id) => document.getElementById(id);
const [form, start, stop, progress, bar, told, results, rows, save] =
  ["batch", "start", "stop", "progress", "bar", "told", "results", "rows", "save"].map(at);
const badges = at("badges").content;
const COLUMNS = ["file", "id", "status", "decision", "probability", "reasons", "problem"];
let lines = [];
let sender = null;

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const files = [...at("image").files];
  begin(files);
  const fields = { modality: at("modality").value };
  sender = new Sender({ fields, prefix: form.dataset.key, told: (say) => tell(say) });
  await sender.all(files, (n, state, answer) => show(n, state, answer));
  end();
});
stop.addEventListener("click", () => sender?.stop());
save.addEventListener("click", () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([csv([COLUMNS, ...lines.map((line) => line.cells)])], { type: "text/csv" }));
  link.download = "nevus-batch.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
});
addEventListener("beforeunload", (event) => { if (!start.disabled) return; event.preventDefault(); });

function begin(files) {
  for (const part of [progress, results]) part.hidden = false;
  start.disabled = true;
  stop.hidden = false;
  save.hidden = true;
  rows.replaceChildren();
  lines = files.map((file) => line(file.name));
  bar.max = files.length;
  files.forEach((_, n) => show(n, "queued"));
}

function end() {
  start.disabled = false;
  stop.hidden = true;
  save.hidden = false;
  tell();
}

function line(name) {
  const row = rows.insertRow();
  const head = document.createElement("th");
  head.scope = "row";
  head.textContent = name;
  row.append(head, document.createElement("td"), document.createElement("td"));
  return { row, state: "queued", cells: [name] };
}

function show(n, state, answer) {
  const each = lines[n];
  const shown = state === "done" ? (answer.result?.decision ?? answer.status) : state;
  each.state = state;
  const badge = badges.querySelector(`.${shown}`).cloneNode(true);
  const [, decided, link] = each.row.cells;
  decided.replaceChildren(badge);
  if (state === "refused") decided.append(" ", inWords(answer));
  if (state === "done") link.replaceChildren(linkTo(answer.id));
  each.cells = cells(each.cells[0], state, answer);
  tell();
}

// In the page's language where the photo itself was refused; in the API's own words otherwise.
function inWords(answer) {
  const known = [...badges.querySelectorAll("[data-problem]")].find((each) => each.dataset.problem === answer.type);
  return known?.textContent ?? refusal(answer);
}

function linkTo(id) {
  const link = document.createElement("a");
  link.href = `/worklist/${id}`;
  link.textContent = id.slice(0, 8);
  return link;
}

function cells(name, state, answer) {
  if (state === "refused") return [name, "", "refused", "", "", "", refusal(answer)];
  if (state !== "done") return [name, "", state, "", "", "", ""];
  const { id, status, result } = answer;
  return [name, id, status, result?.decision, result?.probability, result?.reasons.join(" "), ""];
}

function tell(special) {
  const done = lines.filter((each) => each.state === "done" || each.state === "refused").length;
  const failed = lines.filter((each) => each.state === "refused" || each.state === "stopped").length;
  bar.value = done;
  const say = progress.dataset;
  const sentences = [say.sayDone.replace("%DONE%", done).replace("%ALL%", lines.length)];
  if (failed) sentences.push(say.sayFailed.replace("%FAILED%", failed));
  told.textContent = sentences.join(". ") + "." + (special ? ` ${say[special]}` : "");
}
