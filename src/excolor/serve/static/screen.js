/** The picture on the screen: zoom, comparison, hints, the hatching of what is invented, and details when zoomed in. */

import { ask, Stale } from "./server.js";
import { $, choices, DEFAULT_RADIUS, session, shown, stage, view } from "./state.js";
import { tell } from "./messages.js";

export const canvas = $("canvas");
const context = canvas.getContext("2d");
export const pixelRatio = () => window.devicePixelRatio || 1;

const MOST_ZOOM = 32; // screen pixels of a picture's pixel

/** How large previews are asked for: as large as the screen shows them, in steps. */
export function longest() {
  const needed = Math.max(stage.clientWidth, stage.clientHeight) * pixelRatio();
  return Math.min(2048, 256 * Math.ceil(needed / 256));
}

const panes = () => {
  const { clientWidth: width } = stage;
  if (shown.view !== "beside") return [{ x: 0, width, image: shown.view === "original" ? "before" : "after" }];
  const half = width / 2;
  return [{ x: 0, width: half - 1, image: "before" }, { x: half + 1, width: half - 1, image: "after" }];
};
export const paneAt = (x) => panes().findLast((pane) => x >= pane.x) || panes()[0];
export const toPicture = (x, y) => [(x - paneAt(x).x - view.x) / view.scale, (y - view.y) / view.scale];

export function fit() {
  if (!session.target) return;
  const { width, height } = session.target, room = panes()[0].width, margin = 20;
  view.scale = Math.min((room - 2 * margin) / width, (stage.clientHeight - 2 * margin) / height);
  view.x = (room - width * view.scale) / 2;
  view.y = (stage.clientHeight - height * view.scale) / 2;
  view.fits = true;
  draw();
}

/** Zoom by a factor, keeping the place under a point of the stage where it is. */
export function zoom(factor, x = panes()[0].width / 2, y = stage.clientHeight / 2) {
  if (!session.target) return;
  const { width, height } = session.target;
  const least = Math.min(1, 100 / Math.max(width, height));
  const scale = Math.min(MOST_ZOOM, Math.max(least, view.scale * factor));
  const [px, py] = toPicture(x, y), pane = paneAt(x);
  Object.assign(view, { scale, x: x - pane.x - px * scale, y: y - py * scale, fits: false });
  keepInSight();
  draw();
}

export function pan(dx, dy) {
  view.x += dx;
  view.y += dy;
  view.fits = false;
  keepInSight();
  draw();
}

function keepInSight() {
  const { width, height } = session.target, least = 60;
  view.x = Math.min(panes()[0].width - least, Math.max(least - width * view.scale, view.x));
  view.y = Math.min(stage.clientHeight - least, Math.max(least - height * view.scale, view.y));
}

let isDrawing = false;
export function draw() {
  if (isDrawing) return;
  isDrawing = true;
  requestAnimationFrame(() => { isDrawing = false; paint(); });
}

function paint() {
  const ratio = pixelRatio(), width = stage.clientWidth, height = stage.clientHeight;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  if (!session.target) return;
  for (const pane of panes()) {
    context.save();
    context.beginPath();
    context.rect(pane.x, 0, pane.width, height);
    context.clip();
    paintPicture(pane, pane.image);
    if (pane.image === "after" && shown.reliance) paintHatch(pane);
    if (shown.view === "compare") {
      context.save();
      context.beginPath();
      context.rect(0, 0, shown.divider * width, height);
      context.clip();
      paintPicture(pane, "before");
      context.restore();
    }
    if (shown.view !== "original") choices.hints.forEach((hint, index) => paintHint(hint, pane, index === shown.selected));
    if (shown.cross) paintCross(pane);
    context.restore();
  }
  $("divider").style.left = `${shown.divider * 100}%`;
  $("divider").setAttribute("aria-valuenow", Math.round(shown.divider * 100));
  lookCloser();
  $("zoom").textContent = `${Math.round(view.scale * pixelRatio() * 100)} %`;
}

function paintPicture(pane, kind) {
  const picture = shown[kind] || shown.before, detail = shown.detail?.[kind];
  if (picture) paintOver(pane, picture);
  if (detail) {
    const { left, top, right, bottom } = shown.detail.box;
    paintOver(pane, detail, left, top, right - left, bottom - top);
  }
}

function paintOver(pane, picture, left = 0, top = 0, width = session.target.width, height = session.target.height, drawing = context) {
  drawing.imageSmoothingQuality = "high";
  drawing.imageSmoothingEnabled = view.scale * pixelRatio() < 4;
  const { scale } = view;
  drawing.drawImage(picture, pane.x + view.x + left * scale, view.y + top * scale, width * scale, height * scale);
}

/** Stripes, one dark and one light: the one or the other is seen on any color. */
function hatch() {
  const period = 16, tile = new OffscreenCanvas(period, period), drawing = tile.getContext("2d");
  for (let x = 0; x < period; x++) {
    for (let y = 0; y < period; y++) {
      const place = (x + y) % period;
      drawing.fillStyle = place < 2 ? "#fffe" : place < 4 ? "#000e" : "#0000";
      drawing.fillRect(x, y, 1, 1);
    }
  }
  return context.createPattern(tile, "repeat");
}
const stripes = hatch();
const veil = document.createElement("canvas"), veiling = veil.getContext("2d");

/** Hatch what is invented. */
function paintHatch(pane) {
  const ratio = pixelRatio(), { width, height } = session.target;
  Object.assign(veil, { width: canvas.width, height: canvas.height }); // clears it
  veiling.setTransform(ratio, 0, 0, ratio, 0, 0);
  paintOver(pane, shown.reliance, 0, 0, width, height, veiling);
  veiling.resetTransform();
  veiling.globalCompositeOperation = "source-in";
  veiling.fillStyle = stripes;
  veiling.fillRect(0, 0, veil.width, veil.height);
  context.drawImage(veil, 0, 0, stage.clientWidth, stage.clientHeight);
}

let looking = 0, detailWaiting = null;

/** When the view rests, get what the preview lacks: the pixels of the part that is in sight. */
export function lookCloser() {
  clearTimeout(looking);
  looking = setTimeout(getDetail, 180);
}

async function getDetail() {
  if (!session.target || !shown.before || stage.dataset.state === "busy") return;
  const { width, height } = session.target, ratio = pixelRatio();
  if (view.scale * ratio <= (1.05 * shown.before.width) / width) { shown.detail = null; return; }
  const inSight = (from, extent, most) => [Math.floor(Math.max(0, -from / view.scale)), Math.ceil(Math.min(most, (extent - from) / view.scale))];
  const [left, right] = inSight(view.x, panes()[0].width, width), [top, bottom] = inSight(view.y, stage.clientHeight, height);
  if (right <= left || bottom <= top) return;
  const box = { left, top, right, bottom }, revision = session.revision;
  const isSame = shown.detail && JSON.stringify(shown.detail.box) === JSON.stringify(box);
  if (isSame && shown.detail.after) return;
  const longestSide = Math.min(2048, Math.ceil(Math.max(right - left, bottom - top) * Math.min(1, view.scale * ratio)));
  const query = new URLSearchParams({ ...box, longest: longestSide, revision });
  detailWaiting?.abort();
  const { signal } = (detailWaiting = new AbortController());
  const part = async (kind) => createImageBitmap(await (await ask("GET", `/api/parts/${kind}?${query}`, { signal })).blob());
  try {
    const before = isSame ? shown.detail.before : await part("before");
    const after = await part("after");
    if (revision !== session.revision) return;
    shown.detail = { box, before, after };
    stage.dataset.detail = Object.values(box).join(" ");
    draw();
  } catch (error) {
    if (!(error instanceof Stale) && error.name !== "AbortError") tell(error.message, "", null, true);
  }
}

export const placeOf = (hint, pane) => [
  pane.x + view.x + hint.x * session.target.width * view.scale,
  view.y + hint.y * session.target.height * view.scale,
];

/** Radius of a hint in pixels of the picture. */
function radiusOf(hint) {
  const text = hint.radius || `${DEFAULT_RADIUS}%`, value = parseFloat(text);
  return text.endsWith("px") ? value : (value / 100) * Math.min(session.target.width, session.target.height);
}

function paintHint(hint, pane, isSelected) {
  const [x, y] = placeOf(hint, pane);
  const ring = (radius, width, style) => {
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.lineWidth = width;
    context.strokeStyle = style;
    context.stroke();
  };
  const spot = radiusOf(hint) * view.scale;
  if (spot > 9) {
    ring(spot, 2.5, "#0008");
    ring(spot, 1, "#fffd");
  }
  const dot = isSelected ? 8 : 6;
  context.beginPath();
  context.arc(x, y, dot, 0, 2 * Math.PI);
  context.fillStyle = hint.color;
  context.fill();
  ring(dot, isSelected ? 5 : 3.5, "#000a");
  ring(dot, isSelected ? 3 : 1.5, "#fff");
}

function paintCross(pane) {
  const [x, y] = placeOf(shown.cross, pane);
  for (const [width, style] of [[3, "#000b"], [1, "#fff"]]) {
    context.lineWidth = width;
    context.strokeStyle = style;
    context.beginPath();
    context.moveTo(x - 12, y);
    context.lineTo(x + 12, y);
    context.moveTo(x, y - 12);
    context.lineTo(x, y + 12);
    context.stroke();
  }
}

new ResizeObserver(() => (view.fits ? fit() : draw())).observe(stage);
