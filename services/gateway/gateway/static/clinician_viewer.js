// Zoom and pan of what lies in a stage inside of a window: by wheel, fingers, drag and arrow keys.
const LARGEST = 8;
const STEP = 60; // pixels by an arrow key
const ARROWS = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

export class Viewer {
  #scale = 1; #x = 0; #y = 0; #fingers = new Map();

  constructor(window, stage, photo) {
    Object.assign(this, { window, stage, photo });
    window.tabIndex = 0;
    window.setAttribute("role", "group");
    window.classList.add("live");
    window.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    window.addEventListener("pointerdown", (event) => this.#down(event));
    window.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) {
      window.addEventListener(end, (event) => { this.#fingers.delete(event.pointerId); });
    }
    window.addEventListener("keydown", (event) => this.#key(event));
    window.addEventListener("dblclick", (event) => this.zoom(2, ...this.#place(event)));
    photo.draggable = false;
  }

  fit() {
    [this.#scale, this.#x, this.#y] = [1, 0, 0];
    this.#draw();
  }

  // About a place in the window; about its middle without one.
  zoom(by, x = this.window.clientWidth / 2, y = this.window.clientHeight / 2) {
    const scale = Math.min(Math.max(this.#scale * by, 1), LARGEST);
    const ratio = scale / this.#scale;
    this.#x = x - (x - this.#x) * ratio;
    this.#y = y - (y - this.#y) * ratio;
    this.#scale = scale;
    this.#draw();
  }

  pan(x, y) {
    this.#x += x;
    this.#y += y;
    this.#draw();
  }

  #draw() {
    const { clientWidth: width, clientHeight: height } = this.window;
    this.#x = Math.min(0, Math.max(this.#x, width * (1 - this.#scale)));
    this.#y = Math.min(0, Math.max(this.#y, height * (1 - this.#scale)));
    this.stage.style.transform = `translate(${this.#x}px, ${this.#y}px) scale(${this.#scale})`;
    this.window.classList.toggle("zoomed", this.#scale > 1);
  }

  #place(event) {
    const box = this.window.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  #wheel(event) {
    if (this.#scale === 1 && event.deltaY > 0) return; // the page scrolls
    if (!event.ctrlKey && this.#scale === 1 && document.activeElement !== this.window) return;
    event.preventDefault();
    this.zoom(Math.exp(-event.deltaY / 300), ...this.#place(event));
  }

  #down(event) {
    if (event.pointerType === "mouse" && event.button) return;
    this.#fingers.set(event.pointerId, this.#place(event));
    if (this.#scale > 1 || this.#fingers.size > 1) this.window.setPointerCapture(event.pointerId);
  }

  #move(event) {
    const before = this.#fingers.get(event.pointerId);
    if (!before) return;
    const now = this.#place(event);
    const [other] = [...this.#fingers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
    this.#fingers.set(event.pointerId, now);
    if (!other) {
      if (this.#scale > 1) this.pan(now[0] - before[0], now[1] - before[1]);
      return;
    }
    const length = (place) => Math.hypot(place[0] - other[0], place[1] - other[1]) || 1;
    this.zoom(length(now) / length(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
  }

  #key(event) {
    const direction = ARROWS[event.key];
    if (!direction || this.#scale === 1) return;
    event.preventDefault();
    this.pan(direction[0] * STEP, direction[1] * STEP);
  }
}
