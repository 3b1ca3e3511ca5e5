// Sends photos to the API: AT_ONCE at a time; all of them wait when the service says so or the connection is lost.
const AT_ONCE = 3;
const TRIES = 30;
const LONGEST = 30; // seconds

export class Sender {
  #stopped = false;
  #until = Promise.resolve();
  #go = () => {};

  constructor({ fields, prefix, told }) {
    Object.assign(this, { fields, prefix, told });
  }

  stop() {
    this.#stopped = true;
    this.#go();
  }

  // Calls show(n, "sending" | "done" | "refused" | "stopped", answer) as it goes.
  async all(files, show) {
    let next = 0;
    const work = async () => {
      while (next < files.length) {
        const n = next;
        next += 1;
        await this.#one(files[n], n, show);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  }

  async #one(file, n, show) {
    for (let tried = 0; tried < TRIES; tried += 1) {
      await this.#until;
      if (this.#stopped) return show(n, "stopped");
      show(n, "sending");
      const answer = await this.#send(file).catch(() => null);
      if (answer?.ok) return show(n, "done", await answer.json());
      if (answer && ![408, 429, 502, 503, 504].includes(answer.status)) return show(n, "refused", await problem(answer));
      this.#wait(answer, tried);
      show(n, "queued");
      this.told(answer ? "sayWaiting" : "sayOffline");
    }
    return show(n, "stopped");
  }

  #send(file) {
    const body = new FormData();
    for (const [name, value] of Object.entries(this.fields)) if (value) body.append(name, value);
    body.append("image", file, "photo");
    const headers = { "Idempotency-Key": this.#key(file), Accept: "application/json" };
    return fetch("/v1/predictions", { method: "POST", body, headers });
  }

  // The same for the same file with the same facts: sent again after a stop, it makes no second record.
  #key({ name, size, lastModified }) {
    return `${this.prefix}-${digest([name, size, lastModified, ...Object.values(this.fields)].join("\0"))}`;
  }

  // As long as Retry-After says, or ever longer; after a lost connection no longer than until it is back.
  #wait(answer, tried) {
    const asked = Number(answer?.headers.get("Retry-After"));
    const seconds = Math.min(asked || 2 ** Math.min(tried, 5), LONGEST) * (1 + Math.random() / 4);
    this.#until = new Promise((go) => {
      this.#go = go;
      setTimeout(go, seconds * 1000);
      if (!answer) addEventListener("online", go, { once: true });
    });
  }
}

// 64 bits, to tell files apart; no secret.
function digest(text) {
  let [a, b] = [0xdeadbeef, 0x41c6ce57];
  for (const letter of text) {
    const code = letter.codePointAt(0);
    a = Math.imul(a ^ code, 2654435761);
    b = Math.imul(b ^ code, 1597334677);
  }
  return [a ^ (b >>> 16), b ^ (a >>> 13)].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
}

async function problem(answer) {
  return answer.json().catch(() => ({ title: `HTTP ${answer.status}` }));
}

export const refusal = ({ title, detail }) => (detail ? `${title}: ${detail}` : title);
