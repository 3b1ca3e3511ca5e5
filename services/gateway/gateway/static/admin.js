// The admin's pages: a training run is followed, a secret copied. Both pages work without it.
const EVERY = 2000;
const live = document.getElementById("live");
const says = document.getElementById("live-says");

// The page is asked for again, and its live part put in the place of the one that stands.
async function follow(part) {
  await new Promise((done) => setTimeout(done, EVERY));
  let fresh = null;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) throw new Error(answer.status);
    fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("live");
    says.textContent = "";
  } catch {
    says.textContent = says.dataset.sayLost;
    return follow(part);
  }
  if (fresh?.dataset.active !== "yes") return location.reload();
  const read = part.querySelector("pre")?.scrollTop;
  const focused = part.contains(document.activeElement);
  part.replaceWith(fresh);
  const log = fresh.querySelector("pre");
  if (log && read !== undefined) log.scrollTop = read;
  if (focused) log?.focus({ preventScroll: true });
  return follow(fresh);
}
if (live?.dataset.active === "yes") follow(live);

for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = button.dataset.sayCopied;
  });
}
