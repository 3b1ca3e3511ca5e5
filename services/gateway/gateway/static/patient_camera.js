// Taking a photo on the page: the camera's picture, and what to change in it while framing.
import { fault, measure } from "./patient_measure.js";

const EVERY = 400; // milliseconds between looks
const WISHED = { video: { facingMode: { ideal: "environment" }, width: { ideal: 1920 }, height: { ideal: 1440 } } };

export const canStream = () => Boolean(navigator.mediaDevices?.getUserMedia && window.HTMLDialogElement);

// Resolves to a JPEG file, or to null where the person closes the camera; rejects where there is none to be had.
export async function takePhoto(dialog, limits, side) {
  const stream = await navigator.mediaDevices.getUserMedia(WISHED);
  const video = dialog.querySelector("video");
  video.srcObject = stream;
  dialog.returnValue = "";
  dialog.showModal();
  const looking = setInterval(() => guide(dialog, look(video, side), limits), EVERY);
  try {
    await video.play();
    await new Promise((done) => dialog.addEventListener("close", done, { once: true }));
    return dialog.returnValue === "take" ? await still(video) : null;
  } finally {
    clearInterval(looking);
    video.srcObject = null;
    for (const track of stream.getTracks()) track.stop();
    if (dialog.open) dialog.close();
  }
}

// The part that the model will see, at its size.
export function look(picture, side) {
  const width = picture.videoWidth ?? picture.width;
  const height = picture.videoHeight ?? picture.height;
  if (!width) return null;
  const seenWidth = Math.min(width, (height * 4) / 3);
  const seenHeight = Math.min(height, (width * 4) / 3);
  const canvas = Object.assign(document.createElement("canvas"), { width: side, height: side });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.imageSmoothingQuality = "high";
  const place = [(width - seenWidth) / 2, (height - seenHeight) / 2, seenWidth, seenHeight];
  pen.drawImage(picture, ...place, 0, 0, side, side);
  return measure(pen.getImageData(0, 0, side, side).data, side);
}

// Say the first thing to change; the live region is told only when it is another one.
function guide(dialog, measured, limits) {
  if (!measured) return;
  const found = fault(measured, limits) || "good";
  if (dialog.dataset.found === found) return;
  dialog.dataset.found = found;
  const said = dialog.querySelector(`[data-hint="${found}"]`);
  dialog.querySelector("[role=status]").textContent = said?.textContent ?? "";
}

async function still(video) {
  const canvas = Object.assign(document.createElement("canvas"), { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext("2d").drawImage(video, 0, 0);
  const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.92));
  return new File([blob], "photo.jpg", { type: "image/jpeg" });
}
