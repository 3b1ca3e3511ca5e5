// Sending a photo over a connection that may be slow or break: smaller, with progress, again under the same key.

const NORMAL = { longest: 1600, quality: 0.85 };
const SLOW = { longest: 1280, quality: 0.8 }; // the service keeps 1024 pixels
const STALLED = 30_000; // milliseconds without a byte
const PAUSES = [1, 2, 4, 8, 15]; // seconds before each further try
const LATER = new Set([408, 429, 500, 502, 503, 504]);

// The photo as it should travel: never larger than it was, and untouched where this browser cannot read it.
export async function shrink(file) {
  const { longest, quality } = slowLink() ? SLOW : NORMAL;
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    return { file, bitmap: null };
  }
  const scale = longest / Math.max(bitmap.width, bitmap.height);
  if (scale >= 1) return { file, bitmap };
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(bitmap.width * scale);
  canvas.height = Math.round(bitmap.height * scale);
  const pen = canvas.getContext("2d");
  pen.imageSmoothingQuality = "high";
  pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", quality));
  return { file: blob && blob.size < file.size ? blob : file, bitmap: canvas };
}

function slowLink() {
  const link = navigator.connection;
  return Boolean(link && (link.saveData || link.effectiveType !== "4g" || link.downlink < 3));
}

// Sends until there is an answer: a page's address, or a refusal {title, detail}. `tell` hears what goes on.
export async function send(address, body, tell, stop) {
  for (let tries = 0; ; tries += 1) {
    const answer = await once(address, body, tell);
    if (!LATER.has(answer.status) && answer.status !== 0) return read(answer);
    const asked = Number(answer.getResponseHeader?.("Retry-After")) || 0;
    if (tries >= PAUSES.length && navigator.onLine) return { lost: true };
    tell("lost", Math.max(asked, PAUSES[Math.min(tries, PAUSES.length - 1)]));
    await pause(Math.max(asked, PAUSES[Math.min(tries, PAUSES.length - 1)]), stop);
  }
}

// One try; the status is 0 where no answer came.
function once(address, body, tell) {
  return new Promise((done) => {
    const request = new XMLHttpRequest();
    let watch;
    const alive = () => {
      clearTimeout(watch);
      watch = setTimeout(() => request.abort(), STALLED);
    };
    request.upload.addEventListener("progress", (event) => {
      alive();
      if (event.lengthComputable) tell("sending", event.loaded / event.total);
    });
    request.upload.addEventListener("load", () => tell("assessing"));
    request.addEventListener("loadend", () => {
      clearTimeout(watch);
      done(request);
    });
    request.open("POST", address);
    request.setRequestHeader("Accept", "text/html");
    request.setRequestHeader("Prefer", "return=minimal");
    alive();
    request.send(body);
  });
}

// A refusal is a page in the person's own language: its heading and its first paragraph are what to show.
function read(answer) {
  const place = answer.getResponseHeader("Location");
  if (answer.status === 201 && place) return { place };
  const page = new DOMParser().parseFromString(answer.responseText, "text/html");
  const text = (what) => page.querySelector(`main ${what}`)?.textContent.trim() ?? "";
  return { title: text("h1"), detail: text("p"), status: answer.status };
}

// Until the time is over, the connection is back, or the person does not want to wait.
function pause(seconds, stop) {
  return new Promise((done) => {
    const ended = new AbortController();
    const end = () => {
      clearTimeout(timer);
      ended.abort();
      done();
    };
    const timer = navigator.onLine ? setTimeout(end, seconds * 1000) : 0;
    addEventListener("online", end, { signal: ended.signal });
    stop.addEventListener("click", end, { signal: ended.signal });
  });
}
