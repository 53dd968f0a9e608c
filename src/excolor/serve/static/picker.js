/** The eyedropper: takes a color from a reference, with the mouse or the keyboard. */

import { $ } from "./state.js";

const picker = $("picker");
const sample = $("picker-canvas");
const sampleContext = sample.getContext("2d");
const source = document.createElement("canvas"); // the reference without the cross
const sourceContext = source.getContext("2d", { willReadFrequently: true });
const cross = { x: 0, y: 0, isShown: false };
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
let use = () => {};

/** Show the reference of an id, and the others to change to; `whenTaken` is given the color, as #rrggbb. */
export function openPicker(id, references, whenTaken) {
  use = whenTaken;
  const picture = new Image();
  picture.onload = () => {
    for (const each of [sample, source]) {
      each.width = picture.naturalWidth;
      each.height = picture.naturalHeight;
    }
    sourceContext.drawImage(picture, 0, 0);
    Object.assign(cross, { x: source.width / 2, y: source.height / 2, isShown: false });
    paintSample();
    if (!picker.open) picker.showModal();
    sample.focus();
  };
  picture.src = `/api/references/${id}/large`;
  const others = references.length < 2 ? [] : references;
  $("picker-references").hidden = !others.length;
  $("picker-references").replaceChildren(...others.map((reference) => {
    const row = document.createElement("li"), button = document.createElement("button"), image = document.createElement("img");
    button.className = "thumbnail";
    button.type = "button";
    button.title = reference.name;
    image.src = `/api/references/${reference.id}/thumbnail`;
    image.alt = reference.name;
    button.append(image);
    button.addEventListener("click", () => openPicker(reference.id, references, whenTaken));
    row.append(button);
    return row;
  }));
}

function paintSample() {
  sampleContext.drawImage(source, 0, 0);
  $("picked").hidden = !cross.isShown;
  if (!cross.isShown) return;
  showPicked(colorAt(cross.x, cross.y));
  for (const [width, style] of [[3, "#000b"], [1, "#fff"]]) {
    sampleContext.lineWidth = width;
    sampleContext.strokeStyle = style;
    sampleContext.strokeRect(cross.x - 7, cross.y - 7, 14, 14);
  }
}

/** The mean color of 3×3 pixels of the reference. */
function colorAt(x, y) {
  const from = (place, extent) => Math.max(0, Math.min(extent - 1, Math.floor(place)) - 1);
  const left = from(x, source.width), top = from(y, source.height);
  const { data } = sourceContext.getImageData(left, top, Math.min(3, source.width - left), Math.min(3, source.height - top));
  const mean = [0, 1, 2].map((channel) => {
    let sum = 0;
    for (let i = channel; i < data.length; i += 4) sum += data[i];
    return Math.round((4 * sum) / data.length);
  });
  return `#${mean.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}
function sampled(event) {
  const box = sample.getBoundingClientRect();
  return colorAt(((event.clientX - box.left) * source.width) / box.width, ((event.clientY - box.top) * source.height) / box.height);
}
function take(color) {
  picker.close();
  use(color);
}
function showPicked(color) {
  $("picked").hidden = false;
  $("picked").style.background = color;
}
sample.addEventListener("pointermove", (event) => showPicked(sampled(event)));
sample.addEventListener("click", (event) => take(sampled(event)));
sample.addEventListener("keydown", (event) => {
  if (event.key === "Enter") {
    event.preventDefault();
    take(colorAt(cross.x, cross.y));
  } else if (event.key in STEPS) {
    event.preventDefault();
    const [dx, dy] = STEPS[event.key], pixels = event.ctrlKey ? 1 : 12;
    cross.x = Math.min(source.width - 1, Math.max(0, cross.x + dx * pixels));
    cross.y = Math.min(source.height - 1, Math.max(0, cross.y + dy * pixels));
    cross.isShown = true;
    paintSample();
  }
});
$("picker-close").addEventListener("click", () => picker.close());
