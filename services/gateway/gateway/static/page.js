// Small comforts of every page; every page works without them.
const image = document.getElementById("image");
const preview = document.getElementById("preview");

image?.addEventListener("change", () => {
  const file = image.files[0];
  URL.revokeObjectURL(preview.src);
  preview.hidden = !file;
  if (file) preview.src = URL.createObjectURL(file);
});
preview?.addEventListener("error", () => { preview.hidden = true; });

// <form data-confirm="Really?">: asked before it is sent.
for (const form of document.querySelectorAll("form[data-confirm]")) {
  form.addEventListener("submit", (event) => {
    if (!confirm(form.dataset.confirm)) event.preventDefault();
  });
}

// <form data-busy="Working …">: its button says so, and is pressed once.
for (const form of document.querySelectorAll("form[data-busy]")) {
  const button = form.querySelector("button");
  const label = button.textContent;
  form.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    button.disabled = true;
    button.textContent = form.dataset.busy;
  });
  addEventListener("pageshow", () => {
    button.disabled = false;
    button.textContent = label;
  });
}

// Moments in the reader's own time zone.
const format = new Intl.DateTimeFormat(document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang,
  { dateStyle: "long", timeStyle: "short" });
for (const time of document.querySelectorAll("time[datetime*='T']")) {
  time.textContent = format.format(new Date(time.dateTime));
}

// The offline notice.
const offline = document.getElementById("offline");
const tell = () => { offline.hidden = navigator.onLine; };
addEventListener("online", tell);
addEventListener("offline", tell);
tell();
