/**
 * The page: one picture, its references and hints. Everything that is computed is asked of the server.
 *
 * Places are fractions of the picture; `view` maps its pixels to those of the screen. What a file or the server says is
 * shown as text, never as HTML.
 */

const $ = (id) => document.getElementById(id);
const stage = $("stage"), canvas = $("canvas"), context = canvas.getContext("2d");
const pixelRatio = () => window.devicePixelRatio || 1;

const DEFAULT_RADIUS = 1; // percent of the shorter side
const CLICK = 5; // screen pixels that a click may move
const REACHED = 13; // screen pixels from a hint at which it is grabbed
const MOST_ZOOM = 32; // screen pixels of a picture's pixel

/** What the server knows too, as far as this page has heard. */
const session = { revision: 0, target: null, references: [], folder: [], max_bytes: Infinity };
/** What shapes the result; `undo` steps through copies of it. */
let choices = { hints: [], used: [], strength: 1, vivid: 1, hint_reach: 0.7 };
const history = { past: [], future: [] };
/** What is shown. */
const shown = { before: null, after: null, detail: null, reliance: null, view: "result", divider: 0.5, selected: -1, cross: null };
const view = { scale: 1, x: 0, y: 0 };


// ---- Server

class Stale extends Error {}

async function ask(method, path, { body, headers, signal } = {}) {
  let answer;
  try {
    answer = await fetch(path, { method, body, headers, signal, credentials: "same-origin" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer. If it has ended, start excolor serve again.");
  }
  if (answer.ok) return answer;
  if (answer.status === 409) throw new Stale();
  if (answer.status === 403) throw new Error("This page is not connected any more. Open the address that excolor serve printed.");
  const told = await answer.json().catch(() => ({}));
  throw Object.assign(new Error(told.error || "Something went wrong; the terminal says more."), told);
}

const askJson = async (...request) => (await ask(...request)).json();

async function upload(path, file) {
  if (file.size > session.max_bytes) {
    const limit = session.max_bytes / 1e6;
    throw new Error(`${file.name} is larger than ${limit} MB, which is the limit; start excolor serve with a higher --max-upload.`);
  }
  return askJson("POST", path, { body: file, headers: { "X-Name": encodeURIComponent(file.name) } });
}


// ---- Choices: changed here, sent to the server, shown when its answer comes

const page = [...crypto.getRandomValues(new Uint32Array(4))].join("-");
let number = 0, timer = 0, waiting = null;

/** Send the choices soon and show what becomes of them; an earlier request that is under way is given up. */
function recompute(delay = 30) {
  clearTimeout(timer);
  timer = setTimeout(send, delay);
  stage.dataset.state = "busy";
}

async function send() {
  timer = 0;
  waiting?.abort();
  const mine = (waiting = new AbortController());
  if (!session.target) return settle(mine);
  try {
    const body = JSON.stringify({ ...choices, page, number: ++number });
    const { revision } = await askJson("PUT", "/api/choices", { body, signal: mine.signal });
    session.revision = revision;
    await showResult(mine.signal);
  } catch (error) {
    if (error.name === "AbortError" || mine !== waiting) return;
    if (error instanceof Stale) return reload();
    complain(error);
  }
  settle(mine);
}

function settle(mine) {
  if (mine !== waiting) return;
  waiting = null;
  if (timer) return;
  stage.dataset.state = "ready";
  lookCloser();
}

async function showResult(signal) {
  const answer = await ask("GET", `/api/after?revision=${session.revision}&longest=${longest()}`, { signal });
  const notes = JSON.parse(answer.headers.get("X-Notes") || "[]");
  const after = await createImageBitmap(await answer.blob());
  if (signal?.aborted) return;
  shown.after = after;
  shown.detail &&= { ...shown.detail, after: null };
  stage.dataset.revision = session.revision;
  await showReliance(signal);
  showNotes(notes);
  draw();
}

/** Where the references are followed, as a layer that darkens all other places. */
async function showReliance(signal) {
  shown.reliance = null;
  if (!$("reliance").checked || !choices.used.length) return;
  const answer = await ask("GET", `/api/reliance?revision=${session.revision}`, { signal });
  const share = await createImageBitmap(await answer.blob());
  const layer = new OffscreenCanvas(share.width, share.height), drawing = layer.getContext("2d");
  drawing.drawImage(share, 0, 0);
  const pixels = drawing.getImageData(0, 0, share.width, share.height);
  for (let i = 0; i < pixels.data.length; i += 4) {
    const followed = pixels.data[i];
    pixels.data.fill(20, i, i + 3);
    pixels.data[i + 3] = 0.86 * (255 - followed);
  }
  drawing.putImageData(pixels, 0, 0);
  shown.reliance = layer;
}

/** How large previews are asked for: as large as the screen shows them, in steps. */
function longest() {
  const needed = Math.max(stage.clientWidth, stage.clientHeight) * pixelRatio();
  return Math.min(2048, 256 * Math.ceil(needed / 256));
}

/** Note the choices as a step that can be undone. */
function commit() {
  const now = JSON.stringify(choices);
  if (history.past.at(-1) === now) return;
  history.past.push(now);
  history.future = [];
  if (history.past.length > 500) history.past.shift();
  showHistory();
}

function restore() {
  choices = JSON.parse(history.past.at(-1));
  shown.selected = Math.min(shown.selected, choices.hints.length - 1);
  showAll();
  recompute();
}

function undo() {
  if (history.past.length < 2) return;
  history.future.push(history.past.pop());
  restore();
}

function redo() {
  if (!history.future.length) return;
  history.past.push(history.future.pop());
  restore();
}

/** Take over what the server says of the session: at the beginning, and after it has changed there. */
async function adopt(told) {
  const { target } = session;
  Object.assign(session, { revision: told.revision, target: told.target, references: told.references, folder: told.folder, max_bytes: told.max_bytes });
  const { hints, used, strength, vivid, hint_reach } = told;
  choices = { hints, used, strength, vivid, hint_reach };
  shown.selected = -1;
  const isNew = told.target && (target?.id !== told.target.id || target?.page !== told.target.page);
  if (isNew) {
    Object.assign(shown, { before: null, after: null, detail: null, reliance: null, cross: null });
    Object.assign(history, { past: [], future: [] });
    fit();
  }
  commit();
  showAll();
  await showPictures(isNew);
}

async function showPictures(isNew) {
  if (!session.target) return;
  stage.dataset.state = "busy";
  waiting?.abort();
  const mine = (waiting = new AbortController());
  try {
    if (isNew || !shown.before) {
      const answer = await ask("GET", `/api/before?longest=${longest()}`, { signal: mine.signal });
      shown.before = await createImageBitmap(await answer.blob());
      draw();
    }
    await showResult(mine.signal);
    showFits();
  } catch (error) {
    if (error.name === "AbortError" || mine !== waiting) return;
    if (error instanceof Stale) return reload();
    complain(error);
  }
  settle(mine);
}

const reload = async () => adopt(await askJson("GET", "/api/session"));

/** Do something that the server answers with the session. */
async function change(doing, request) {
  const before = stage.dataset.state;
  try {
    stage.dataset.state = "busy";
    $("doing").textContent = doing;
    await adopt(await request());
  } catch (error) {
    stage.dataset.state = waiting ? "busy" : before;
    complain(error);
  }
}

setInterval(async () => {
  if (stage.dataset.state !== "busy") return;
  const { doing } = await askJson("GET", "/api/status").catch(() => ({}));
  if (doing) $("doing").textContent = `${doing}…`;
}, 400);


// ---- The picture on the screen

const panes = () => {
  const { clientWidth: width } = stage;
  if (shown.view !== "beside") return [{ x: 0, width, image: shown.view === "original" ? "before" : "after" }];
  const half = width / 2;
  return [{ x: 0, width: half - 1, image: "before" }, { x: half + 1, width: half - 1, image: "after" }];
};
const paneAt = (x) => panes().findLast((pane) => x >= pane.x) || panes()[0];
const toPicture = (x, y) => [(x - paneAt(x).x - view.x) / view.scale, (y - view.y) / view.scale];

function fit() {
  if (!session.target) return;
  const { width, height } = session.target, room = panes()[0].width, margin = 20;
  view.scale = Math.min((room - 2 * margin) / width, (stage.clientHeight - 2 * margin) / height);
  view.x = (room - width * view.scale) / 2;
  view.y = (stage.clientHeight - height * view.scale) / 2;
  view.fits = true;
  draw();
}

/** Zoom by a factor, keeping the place under a point of the stage where it is. */
function zoom(factor, x = panes()[0].width / 2, y = stage.clientHeight / 2) {
  if (!session.target) return;
  const { width, height } = session.target;
  const least = Math.min(1, 100 / Math.max(width, height));
  const scale = Math.min(MOST_ZOOM, Math.max(least, view.scale * factor));
  const [px, py] = toPicture(x, y), pane = paneAt(x);
  Object.assign(view, { scale, x: x - pane.x - px * scale, y: y - py * scale, fits: false });
  keepInSight();
  draw();
}

function pan(dx, dy) {
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
function draw() {
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
    if (pane.image === "after" && shown.reliance) paintOver(pane, shown.reliance);
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

function paintOver(pane, picture, left = 0, top = 0, width = session.target.width, height = session.target.height) {
  context.imageSmoothingQuality = "high";
  context.imageSmoothingEnabled = view.scale * pixelRatio() < 4;
  const { scale } = view;
  context.drawImage(picture, pane.x + view.x + left * scale, view.y + top * scale, width * scale, height * scale);
}

let looking = 0, detailWaiting = null;

/** When the view rests, get what the preview lacks: the pixels of the part that is in sight. */
function lookCloser() {
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
    if (!(error instanceof Stale) && error.name !== "AbortError") complain(error);
  }
}

const placeOf = (hint, pane) => [
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


// ---- Hints

const clamp = (value) => Math.min(1, Math.max(0, value));
const rounded = (value) => Math.round(clamp(value) * 1e5) / 1e5;
const radiusText = (percent) => (percent === DEFAULT_RADIUS ? null : `${percent}%`);

function addHint(x, y) {
  choices.hints.push({ x: rounded(x), y: rounded(y), color: $("color").value, radius: radiusText(+$("radius").value), note: "" });
  select(choices.hints.length - 1);
  commit();
  recompute();
}

function removeHint(index) {
  choices.hints.splice(index, 1);
  select(Math.min(index, choices.hints.length - 1));
  commit();
  recompute();
}

function moveHint(index, x, y) {
  Object.assign(choices.hints[index], { x: rounded(x), y: rounded(y) });
  draw();
  recompute();
}

/** Give the selected hint this color, or the next one that is placed. */
function setColor(color, isFinal = true) {
  $("color").value = color;
  const hint = choices.hints[shown.selected];
  if (hint && hint.color !== color) {
    hint.color = color;
    recompute();
  }
  if (isFinal) commit();
  showHints();
}

function select(index) {
  shown.selected = index;
  const hint = choices.hints[index];
  if (hint) {
    $("color").value = asHex(hint.color);
    const percent = hint.radius?.endsWith("%") ? parseFloat(hint.radius) : DEFAULT_RADIUS;
    $("radius").value = percent;
    $("radius-value").textContent = `${percent} %`;
  }
  showHints();
}

function hintAt(x, y) {
  const pane = paneAt(x);
  const far = choices.hints.map((hint) => Math.hypot(placeOf(hint, pane)[0] - x, placeOf(hint, pane)[1] - y));
  const nearest = far.indexOf(Math.min(...far));
  return nearest >= 0 && far[nearest] <= REACHED ? nearest : -1;
}

const swatchContext = document.createElement("canvas").getContext("2d");
/** Any CSS color as #rrggbb, which an input of colors wants. */
function asHex(color) {
  swatchContext.fillStyle = "#808080";
  swatchContext.fillStyle = color;
  return swatchContext.fillStyle;
}


// ---- Pointers: click places, drag moves a hint or the picture, two fingers and the wheel zoom

const pointers = new Map();
let gesture = null;

const place = (event) => {
  const { left, top } = stage.getBoundingClientRect();
  return [event.clientX - left, event.clientY - top];
};

canvas.addEventListener("pointerdown", (event) => {
  if (!session.target || event.button > 1) return;
  stage.focus({ preventScroll: true });
  canvas.setPointerCapture(event.pointerId);
  pointers.set(event.pointerId, place(event));
  if (pointers.size === 2) {
    gesture = { kind: "pinch", ...spread() };
    return;
  }
  const [x, y] = place(event), hint = event.button === 0 && shown.view !== "original" ? hintAt(x, y) : -1;
  gesture = { kind: hint >= 0 ? "hint" : "free", hint, start: [x, y], last: [x, y], moved: false, button: event.button };
  if (hint >= 0) select(hint);
});

canvas.addEventListener("pointermove", (event) => {
  const [x, y] = place(event);
  if (!pointers.has(event.pointerId)) {
    stage.classList.toggle("over-hint", session.target !== null && hintAt(x, y) >= 0);
    return;
  }
  pointers.set(event.pointerId, [x, y]);
  if (!gesture) return;
  if (gesture.kind === "pinch") {
    if (pointers.size < 2) return;
    const now = spread();
    zoom(now.distance / gesture.distance, ...now.middle);
    pan(now.middle[0] - gesture.middle[0], now.middle[1] - gesture.middle[1]);
    gesture = { kind: "pinch", ...now };
    return;
  }
  if (!gesture.moved && Math.hypot(x - gesture.start[0], y - gesture.start[1]) < CLICK) return;
  gesture.moved = true;
  if (gesture.kind === "hint") {
    const [px, py] = toPicture(x, y);
    moveHint(gesture.hint, px / session.target.width, py / session.target.height);
  } else {
    stage.classList.add("panning");
    pan(x - gesture.last[0], y - gesture.last[1]);
  }
  gesture.last = [x, y];
});

function release(event) {
  pointers.delete(event.pointerId);
  stage.classList.remove("panning");
  const done = gesture;
  if (done?.kind === "pinch") {
    if (!pointers.size) gesture = null;
    return;
  }
  gesture = null;
  if (!done || event.type === "pointercancel") return;
  if (done.moved) {
    commit();
  } else if (done.kind === "free" && done.button === 0 && shown.view !== "original") {
    const [px, py] = toPicture(...done.start), x = px / session.target.width, y = py / session.target.height;
    shown.cross = null;
    if (x >= 0 && x < 1 && y >= 0 && y < 1) addHint(x, y);
    else select(-1);
  }
}
canvas.addEventListener("pointerup", release);
canvas.addEventListener("pointercancel", release);

function spread() {
  const [[ax, ay], [bx, by]] = [...pointers.values()];
  return { distance: Math.max(1, Math.hypot(ax - bx, ay - by)), middle: [(ax + bx) / 2, (ay + by) / 2] };
}

canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  const pixels = event.deltaMode === 1 ? 30 * event.deltaY : event.deltaY;
  zoom(Math.exp(-pixels * (event.ctrlKey ? 0.01 : 0.0015)), ...place(event));
}, { passive: false });

const divider = $("divider");
divider.addEventListener("pointerdown", (event) => divider.setPointerCapture(event.pointerId));
divider.addEventListener("pointermove", (event) => {
  if (divider.hasPointerCapture(event.pointerId)) setDivider(place(event)[0] / stage.clientWidth);
});
divider.addEventListener("keydown", (event) => {
  const steps = { ArrowLeft: -0.02, ArrowRight: 0.02, ArrowDown: -0.02, ArrowUp: 0.02, PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1 };
  if (!(event.key in steps)) return;
  event.preventDefault();
  event.stopPropagation();
  setDivider(shown.divider + steps[event.key]);
});
function setDivider(share) {
  shown.divider = clamp(share);
  draw();
}


// ---- Keys

const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

stage.addEventListener("keydown", (event) => {
  if (!session.target || event.target !== stage) return;
  if (event.key in DIRECTIONS) {
    event.preventDefault();
    arrow(event, ...DIRECTIONS[event.key]);
  } else if (event.key === "Enter" && shown.cross && shown.selected < 0) {
    addHint(shown.cross.x, shown.cross.y);
  } else if (event.key === "Escape") {
    shown.cross = null;
    select(-1);
  }
});

function arrow(event, dx, dy) {
  if (event.shiftKey) return pan(-60 * dx, -60 * dy);
  const pixels = (event.ctrlKey ? 1 : 8) / view.scale, { width, height } = session.target;
  const hint = choices.hints[shown.selected];
  const from = hint || shown.cross || { x: 0.5, y: 0.5 };
  const to = { x: clamp(from.x + (dx * pixels) / width), y: clamp(from.y + (dy * pixels) / height) };
  if (hint) {
    moveHint(shown.selected, to.x, to.y);
  } else {
    shown.cross = to;
    draw();
  }
}
stage.addEventListener("keyup", (event) => { if (event.key in DIRECTIONS) commit(); });

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.matches?.("input[type=text], select, textarea");
  if (event.ctrlKey || event.metaKey) {
    const key = event.key.toLowerCase();
    if (key === "o") { event.preventDefault(); $("target-file").click(); }
    if (isTyping) return;
    if (key === "z") { event.preventDefault(); (event.shiftKey ? redo : undo)(); }
    if (key === "y") { event.preventDefault(); redo(); }
    return;
  }
  if (isTyping || $("picker").open) return;
  const actions = {
    "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8), "−": () => zoom(0.8), 0: fit,
    1: () => zoom(1 / (view.scale * pixelRatio())),
    Delete: () => shown.selected >= 0 && removeHint(shown.selected),
    Backspace: () => shown.selected >= 0 && removeHint(shown.selected),
    c: () => setView(shown.view === "compare" ? "result" : "compare"),
    o: () => setView(shown.view === "original" ? "result" : "original"),
  };
  if (Object.hasOwn(actions, event.key)) {
    event.preventDefault();
    actions[event.key]();
  }
});


// ---- Controls

function setView(name) {
  const wasFit = view.fits;
  shown.view = name;
  document.querySelector(`input[name=view][value=${name}]`).checked = true;
  divider.hidden = name !== "compare" || !session.target;
  if (wasFit) fit();
  draw();
}
document.querySelectorAll("input[name=view]").forEach((input) => input.addEventListener("change", () => setView(input.value)));

$("zoom-in").addEventListener("click", () => zoom(1.25));
$("zoom-out").addEventListener("click", () => zoom(0.8));
$("zoom-fit").addEventListener("click", fit);
$("undo").addEventListener("click", undo);
$("redo").addEventListener("click", redo);
$("gray").addEventListener("click", () => setColor("#808080"));
$("color").addEventListener("input", () => setColor($("color").value, false));
$("color").addEventListener("change", commit);

for (const [id, name] of [["strength", "strength"], ["vivid", "vivid"], ["reach", "hint_reach"]]) {
  $(id).addEventListener("input", () => {
    choices[name] = +$(id).value;
    showAdjust();
    recompute(60);
  });
  $(id).addEventListener("change", commit);
}
$("radius").addEventListener("input", () => {
  const percent = +$("radius").value, hint = choices.hints[shown.selected];
  $("radius-value").textContent = `${percent} %`;
  if (!hint) return;
  hint.radius = radiusText(percent);
  draw();
  recompute(60);
});
$("radius").addEventListener("change", commit);

for (const [button, input] of [["open", "target-file"], ["empty-open", "target-file"], ["add-reference", "reference-files"], ["open-hints", "hints-file"]]) {
  $(button).addEventListener("click", () => $(input).click());
}
const chosen = (id, use) => $(id).addEventListener("change", () => {
  const files = [...$(id).files];
  $(id).value = "";
  if (files.length) use(files);
});
chosen("target-file", ([file]) => openTarget(file));
chosen("reference-files", addReferences);
chosen("hints-file", ([file]) => openHints(file));

const openTarget = (file) => change(`Opening ${file.name}…`, () => upload("/api/target", file));
async function addReferences(files) {
  for (const file of files) await change(`Adding ${file.name}…`, () => upload("/api/references", file));
}
async function openHints(file, force = "") {
  try {
    await adopt(await upload(`/api/hints${force}`, file));
  } catch (error) {
    complain(error, error.can_force && ["Use them anyway", () => openHints(file, "?force=1")]);
  }
}

$("example").addEventListener("click", () => change("Opening the example…", () => askJson("POST", "/api/example")));
$("page").addEventListener("change", () => change("Opening the page…", () => askJson("POST", `/api/page/${$("page").value}`)));
$("save-hints").addEventListener("click", () => { location.href = "/api/hints"; });

$("command").addEventListener("click", async () => {
  try {
    await sent();
    const { command } = await askJson("GET", "/api/command");
    const isCopied = await navigator.clipboard?.writeText(command).then(() => true, () => false);
    tell(isCopied ? "Copied: " : "Copy this: ", command);
  } catch (error) {
    complain(error);
  }
});

$("download").addEventListener("click", async () => {
  $("download").disabled = true;
  stage.dataset.state = "busy";
  try {
    await sent();
    const { id, name, notes } = await askJson("POST", "/api/results");
    const link = document.createElement("a");
    link.href = `/api/results/${id}`;
    link.download = name;
    link.click();
    if (notes.length) tell(notes.join(". "));
  } catch (error) {
    complain(error);
  }
  $("download").disabled = false;
  if (!waiting && !timer) stage.dataset.state = "ready";
});

/** Wait until the server has the choices that are shown. */
async function sent() {
  const body = JSON.stringify({ ...choices, page, number: ++number });
  const { revision } = await askJson("PUT", "/api/choices", { body });
  session.revision = revision;
}

function withFiles(event) {
  return [...(event.dataTransfer?.types || [])].includes("Files");
}
let depth = 0;
document.addEventListener("dragenter", (event) => {
  if (withFiles(event)) document.body.classList.toggle("dropping", ++depth > 0);
});
document.addEventListener("dragleave", (event) => {
  if (withFiles(event)) document.body.classList.toggle("dropping", --depth > 0);
});
document.addEventListener("dragover", (event) => { if (withFiles(event)) event.preventDefault(); });
document.addEventListener("drop", async (event) => {
  if (!withFiles(event)) return;
  event.preventDefault();
  depth = 0;
  document.body.classList.remove("dropping");
  const files = [...event.dataTransfer.files], isPicture = (file) => !file.name.toLowerCase().endsWith(".json");
  const pictures = files.filter(isPicture), [hints] = files.filter((file) => !isPicture(file));
  if (stage.contains(event.target) && pictures.length) await openTarget(pictures.shift());
  await addReferences(pictures);
  if (hints) await openHints(hints);
});


// ---- Eyedropper

const picker = $("picker"), sample = $("picker-canvas");
const sampleContext = sample.getContext("2d");
const source = document.createElement("canvas"); // the reference without the cross
const sourceContext = source.getContext("2d", { willReadFrequently: true });
const cross = { x: 0, y: 0, isShown: false };

function openPicker(id) {
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
  const others = session.references.length < 2 ? [] : session.references;
  $("picker-references").hidden = !others.length;
  $("picker-references").replaceChildren(...others.map((reference) => {
    const row = document.createElement("li"), button = document.createElement("button"), image = document.createElement("img");
    button.className = "thumbnail";
    button.type = "button";
    button.title = reference.name;
    image.src = `/api/references/${reference.id}/thumbnail`;
    image.alt = reference.name;
    button.append(image);
    button.addEventListener("click", () => openPicker(reference.id));
    row.append(button);
    return row;
  }));
}

function paintSample() {
  sampleContext.drawImage(source, 0, 0);
  if (!cross.isShown) return;
  $("picked").style.background = colorAt(cross.x, cross.y);
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
  setColor(color);
  picker.close();
  stage.focus();
}
sample.addEventListener("pointermove", (event) => { $("picked").style.background = sampled(event); });
sample.addEventListener("click", (event) => take(sampled(event)));
sample.addEventListener("keydown", (event) => {
  if (event.key === "Enter") {
    event.preventDefault();
    take(colorAt(cross.x, cross.y));
  } else if (event.key in DIRECTIONS) {
    event.preventDefault();
    const [dx, dy] = DIRECTIONS[event.key], pixels = event.ctrlKey ? 1 : 12;
    cross.x = Math.min(source.width - 1, Math.max(0, cross.x + dx * pixels));
    cross.y = Math.min(source.height - 1, Math.max(0, cross.y + dy * pixels));
    cross.isShown = true;
    paintSample();
  }
});
$("picker-close").addEventListener("click", () => picker.close());
$("pick").addEventListener("click", () => {
  const first = session.references.find(({ id }) => choices.used.includes(id)) || session.references[0];
  if (first) openPicker(first.id);
});


// ---- What is around the picture

function showAll() {
  const { target } = session;
  $("empty").hidden = target !== null;
  $("name").textContent = target?.name || "";
  $("name").title = target?.name || "";
  document.title = target ? `${target.name} – excolor` : "excolor";
  for (const id of ["command", "download", "open-hints"]) $(id).disabled = !target;
  $("pages").hidden = !target || target.pages < 2;
  if (target) {
    $("page").replaceChildren(...Array.from({ length: target.pages }, (_, index) => new Option(index + 1, index + 1)));
    $("page").value = target.page;
  }
  divider.hidden = shown.view !== "compare" || !target;
  showFolder();
  showReferences();
  showHints();
  showAdjust();
  showHistory();
}

function showFolder() {
  $("folder").hidden = !session.folder.length;
  $("files").replaceChildren(...session.folder.map(({ id, name }) => {
    const row = document.createElement("li"), button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    button.setAttribute("aria-current", String(session.target?.id === id));
    button.addEventListener("click", () => change(`Opening ${name}…`, () => askJson("POST", `/api/folder/${id}`)));
    row.append(button);
    return row;
  }));
}

/** Give a list new rows; what has the focus in it has it afterwards, too. */
function rebuild(list, rows) {
  const row = [...list.children].findIndex((each) => each.contains(document.activeElement));
  const place = row < 0 ? -1 : [...list.children[row].querySelectorAll("button, input")].indexOf(document.activeElement);
  list.replaceChildren(...rows);
  if (row >= 0 && rows.length) rows[Math.min(row, rows.length - 1)].querySelectorAll("button, input")[place]?.focus();
}

const fits = new Map();

$("reliance").addEventListener("change", () => recompute());

function showReferences() {
  $("reliance-row").hidden = !session.references.length;
  $("no-references").hidden = session.references.length > 0;
  $("pick").disabled = !session.references.length;
  rebuild($("references"), session.references.map(({ id, name }) => {
    const row = $("reference-row").content.firstElementChild.cloneNode(true);
    const isUsed = choices.used.includes(id);
    row.classList.toggle("off", !isUsed);
    row.querySelector("img").src = `/api/references/${id}/thumbnail`;
    row.querySelector(".name").textContent = name;
    row.querySelector("label").title = name;
    row.querySelector(".fit").textContent = fits.get(`${id} ${session.target?.id}`) || "";
    row.querySelector(".thumbnail").addEventListener("click", () => openPicker(id));
    const box = row.querySelector("input");
    box.checked = isUsed;
    box.addEventListener("change", () => {
      choices.used = box.checked ? [...choices.used, id] : choices.used.filter((one) => one !== id);
      row.classList.toggle("off", !box.checked);
      showAdjust();
      commit();
      recompute();
    });
    row.querySelector(".remove").addEventListener("click", () => change("Removing…", () => askJson("DELETE", `/api/references/${id}`)));
    return row;
  }));
}

async function showFits() {
  const { target } = session;
  for (const { id } of session.references) {
    const key = `${id} ${target?.id}`;
    if (!target || fits.has(key)) continue;
    const told = await askJson("GET", `/api/references/${id}`).catch(() => null);
    if (told) fits.set(key, told.fit.toFixed(2));
    if (session.target !== target) return;
    showReferences();
  }
}

let problems = new Map();

function showHints() {
  const { hints } = choices;
  $("no-hints").hidden = hints.length > 0;
  $("save-hints").disabled = !hints.length;
  rebuild($("hints"), hints.map((hint, index) => {
    const row = $("hint-row").content.firstElementChild.cloneNode(true);
    row.classList.toggle("selected", index === shown.selected);
    const swatch = row.querySelector(".swatch"), note = row.querySelector(".note"), problem = row.querySelector(".problem");
    swatch.style.background = hint.color;
    swatch.setAttribute("aria-label", `Hint ${index + 1}: ${hint.color}`);
    swatch.addEventListener("click", () => select(index));
    note.value = hint.note;
    note.addEventListener("focus", () => {
      shown.selected = index;
      [...$("hints").children].forEach((one, i) => one.classList.toggle("selected", i === index));
      draw();
    });
    note.addEventListener("input", () => { hint.note = note.value; });
    note.addEventListener("change", () => { commit(); recompute(); });
    row.querySelector(".remove").addEventListener("click", () => removeHint(index));
    problem.hidden = !problems.has(index);
    if (problems.has(index)) showProblem(problem, problems.get(index));
    return row;
  }));
  showAdjust();
  draw();
}

/** What is wrong with a hint: mostly that its color does not exist at the picture's lightness, and what is nearest. */
function showProblem(row, text) {
  const nearest = /nearest is (#[0-9a-f]{6})/.exec(text)?.[1];
  row.title = text;
  row.textContent = nearest ? "Too dark or light there for this color; you get " : text;
  if (!nearest) return;
  const swatch = document.createElement("span");
  swatch.className = "nearest";
  swatch.style.background = nearest;
  swatch.title = nearest;
  row.append(swatch);
}

function showAdjust() {
  const hasHints = choices.hints.length > 0, hasReference = choices.used.length > 0;
  for (const [id, name, isOn] of [["strength", "strength", hasReference], ["vivid", "vivid", hasHints || hasReference], ["reach", "hint_reach", hasHints]]) {
    $(id).value = choices[name];
    $(id).disabled = !isOn;
    $(`${id}-value`).textContent = choices[name].toFixed(2);
  }
}

function showHistory() {
  $("undo").disabled = history.past.length < 2;
  $("redo").disabled = !history.future.length;
}

function showNotes(notes) {
  problems = new Map(notes.filter(({ hint }) => hint !== null).map(({ hint, text }) => [hint, text]));
  const others = [...(session.target?.notes || []).map((text) => `The picture ${text}.`), ...notes.filter(({ hint }) => hint === null).map(({ text }) => text)];
  $("notes").replaceChildren(...others.map((text) => {
    const row = document.createElement("li");
    row.textContent = text;
    return row;
  }));
  if (!document.activeElement?.matches(".note")) showHints();
}

let fading = 0;
function tell(text, code = "", action = null, isError = false) {
  const shownCode = document.createElement("code");
  shownCode.textContent = code;
  $("message-text").replaceChildren(text, ...(code ? [shownCode] : []));
  $("message").classList.toggle("error", isError);
  $("message").hidden = false;
  $("message-action").hidden = !action;
  if (action) {
    $("message-action").textContent = action[0];
    $("message-action").onclick = () => { $("message").hidden = true; action[1](); };
  }
  clearTimeout(fading);
  if (!isError) fading = setTimeout(() => { $("message").hidden = true; }, 12000);
}
const complain = (error, action) => tell(error.message, "", action || null, true);
$("message-close").addEventListener("click", () => { $("message").hidden = true; });


// ---- Start

if (location.search) window.history.replaceState(null, "", "/"); // the token is in the cookie now
reload().catch(complain);
