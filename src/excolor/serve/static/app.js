/**
 * The page: one picture, its references and hints. Everything that is computed is asked of the server. What a file or the
 * server says is shown as text, never as HTML.
 *
 * server.js asks, state.js is what all share, merging.js puts changes together, screen.js paints the picture, picker.js is
 * the eyedropper, messages.js tells.
 */

import { ask, askJson, page, Stale, upload } from "./server.js";
import { $, choices, clamp, DEFAULT_RADIUS, DEFAULTS, session, setChoices, shown, stage, view } from "./state.js";
import { canvas, draw, fit, longest, lookCloser, pan, paneAt, pixelRatio, placeOf, toPicture, zoom } from "./screen.js";
import { merged } from "./merging.js";
import { openPicker } from "./picker.js";
import { sentence, silence, tell } from "./messages.js";

const CLICK = 5; // screen pixels that a click may move
const REACHED = 13; // screen pixels from a hint at which it is grabbed
const REACHED_BY_FINGER = 24;

const PAUSE = 500; // milliseconds without a letter, after which a note is saved
const MOST_STEPS = 500; // that can be undone
const MOST_KEPT = 100; // of them, when the page is loaded again

/** The steps of the picture that is open; those of others are there when one comes back to them. */
let history = { past: [], future: [] };
const histories = new Map();


// ---- Choices: changed here, sent to the server, shown when its answer comes

let number = 0, timer = 0, waiting = null;
let known = JSON.stringify(choices); // what the server has, as far as this page has heard
const isSent = () => JSON.stringify(choices) === known;
let changing = 0; // requests under way that the server answers with the session
let isOpening = 0; // requests under way: one of them replaces the hints, so that none should be placed or moved now

/** Send the choices soon and show what becomes of them; an earlier request that is under way is given up. */
function recompute(delay = 30) {
  clearTimeout(timer);
  timer = setTimeout(send, delay);
  stage.dataset.state = "busy";
}

async function send({ isLast = false } = {}) {
  clearTimeout(timer);
  timer = 0;
  if (changing) return; // it will be sent after that
  waiting?.abort();
  const mine = (waiting = new AbortController());
  try {
    await put(mine.signal, isLast);
    if (session.target) await showResult(mine.signal);
  } catch (error) {
    if (error.name === "AbortError" || mine !== waiting) return;
    if (error instanceof Stale) return refresh();
    complain(error, null, "result");
  }
  settle(mine);
}

async function put(signal, isLast = false) {
  const mine = ++number, text = JSON.stringify(choices);
  const body = JSON.stringify({ ...choices, page, number: mine, revision: session.revision });
  const { revision, received, layers } = await askJson("PUT", "/api/choices", { body, signal, isLast });
  Object.assign(session, { revision, received, layers });
  if (mine === number) known = text;
  const isGone = (id, files) => !files.some((one) => one.id === id);
  if (choices.references.some((id) => isGone(id, received)) || (choices.layer && isGone(choices.layer, layers))) leaveOut();
}

let noteTimer = 0, leftWith = "";

/** Save a note that is being written, without a sign of work at each letter. */
function saveSoon() {
  clearTimeout(noteTimer);
  noteTimer = setTimeout(() => { if (!isSent()) recompute(0); }, PAUSE);
}

/** The page may be gone in a moment, closed or loaded again: send what the server does not have yet. */
function sendLast() {
  const now = JSON.stringify(choices);
  if (isSent() || now === leftWith) return;
  leftWith = now; // one hears of it twice
  commit();
  if (changing) { // the answer to another request may come first, after which these choices would be of another picture
    if (session.target) ask("PUT", `/api/hints/${session.target.id}`, { body: now, isLast: true }).catch(() => {});
    return;
  }
  stage.dataset.state = "busy";
  send({ isLast: true });
}
window.addEventListener("pagehide", sendLast);
document.addEventListener("visibilitychange", () => { if (document.hidden) sendLast(); else leftWith = ""; });

/** Undo may bring back what was removed so long ago that the server does not have the file any more. */
function leaveOut() {
  const isAsSent = isSent();
  choices.references = listed().map(({ id }) => id);
  choices.used = choices.used.filter((id) => choices.references.includes(id));
  choices.layer = session.layers.find(({ id }) => id === choices.layer)?.id || null;
  if (isAsSent) known = JSON.stringify(choices); // the server has left it out, too
  showReferences();
  showHints();
  tell("What was removed that long ago is not here any more; add the file again.");
}

/** Make sure that the server has the choices that are shown. */
async function sent() {
  const isPending = timer || waiting;
  clearTimeout(timer);
  timer = 0;
  waiting?.abort();
  waiting = null;
  try {
    await put();
  } finally {
    if (isPending) recompute();
  }
}

function settle(mine) {
  if (mine !== waiting) return;
  waiting = null;
  if (timer || changing) return;
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
  if ($("message").dataset.about === "result") silence();
  showNotes(notes);
  draw();
}

/** Where colors are invented rather than taken from references, as the opacity of a layer. */
async function showReliance(signal) {
  shown.reliance = null;
  const isShown = $("reliance").checked && choices.used.length > 0;
  $("legend").hidden = !isShown;
  if (!isShown) return;
  const answer = await ask("GET", `/api/reliance?revision=${session.revision}`, { signal });
  const share = await createImageBitmap(await answer.blob());
  const layer = new OffscreenCanvas(share.width, share.height), drawing = layer.getContext("2d");
  drawing.drawImage(share, 0, 0);
  const pixels = drawing.getImageData(0, 0, share.width, share.height);
  // From a quarter that is invented to three quarters: faint stripes all over would say nothing
  for (let i = 0; i < pixels.data.length; i += 4) pixels.data[i + 3] = 2 * (255 - pixels.data[i]) - 127;
  drawing.putImageData(pixels, 0, 0);
  shown.reliance = layer;
}

/** Note the choices as a step that can be undone. Steps of the same kind that follow each other quickly are one. */
function commit(kind = "") {
  const now = JSON.stringify(choices), time = performance.now();
  if (history.past.at(-1) === now) return;
  if (kind && kind === history.kind && time - history.time < 1500) history.past.pop();
  history.past.push(now);
  Object.assign(history, { future: [], kind, time });
  if (history.past.length > MOST_STEPS) history.past.shift();
  keepHistory();
  showHistory();
}

const storageKey = () => `steps of ${session.target?.id}`;

/** So that one can undo after the page was loaded again, too. */
function keepHistory() {
  const past = history.past.slice(-MOST_KEPT), future = history.future.slice(-MOST_KEPT);
  try {
    sessionStorage.setItem(storageKey(), JSON.stringify({ past, future }));
  } catch {
    sessionStorage.removeItem(storageKey()); // there is no room: older steps would not fit those that follow
  }
}

const keptHistory = () => JSON.parse(sessionStorage.getItem(storageKey())) || { past: [], future: [] };

function restore() {
  keepHistory();
  setChoices(JSON.parse(history.past.at(-1)));
  history.kind = "";
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
async function adopt(told, hasHints = false) {
  const { target } = session, isOther = target?.id !== told.target?.id;
  if (isOther) letGo();
  const isNew = told.target && (isOther || target.page !== told.target.page);
  const { revision, received, layers, notes, pictures, max_bytes } = told;
  Object.assign(session, { revision, target: told.target, received, layers, notes, pictures, max_bytes });
  const { hints, layer, references, used, strength, vivid, hint_reach } = told;
  const before = JSON.parse(known), mine = choices;
  setChoices({ hints, layer, references, used, strength, vivid, hint_reach });
  known = JSON.stringify(choices);
  setChoices(merged(before, mine, JSON.parse(known), isOther || hasHints));
  const isLate = !isSent(); // something was changed here while the server was busy with the request
  shown.selected = isOther ? -1 : Math.min(shown.selected, choices.hints.length - 1);
  if (isOther) {
    const key = told.target?.id;
    if (!histories.has(key)) histories.set(key, keptHistory());
    history = histories.get(key);
  }
  if (isNew) {
    Object.assign(shown, { before: null, after: null, detail: null, reliance: null, cross: null });
    fit();
  }
  commit();
  showAll();
  if (isOther) {
    for (const row of ["#files [aria-current=true]", "#references .reference:not(.off)"]) {
      document.querySelector(row)?.scrollIntoView({ block: "nearest" });
    }
  }
  if (isLate) recompute();
  else await showPictures(isNew);
}

async function showPictures(isNew) {
  waiting?.abort();
  const mine = (waiting = new AbortController());
  if (!session.target) return settle(mine);
  stage.dataset.state = "busy";
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
    if (error instanceof Stale) return refresh();
    complain(error, null, "result");
  }
  settle(mine);
}

const reload = async () => adopt(await askJson("GET", "/api/session"));

/** Another tab has changed the session: show it as it is, and say so if something of this tab is gone by that. */
async function refresh() {
  const mine = JSON.stringify(choices), isLost = !isSent();
  known = mine; // so that nothing is taken for a change that is to be kept
  await reload().catch((error) => complain(error));
  if (isLost && JSON.stringify(choices) !== mine) tell("Another tab has changed the session, and this one shows it now, without your last change. Please repeat it.");
}

/** Open something that has hints of its own; as `change`. */
async function open(doing, request, explain, hasHints = false) {
  isOpening += 1;
  try {
    return await change(doing, request, explain, hasHints);
  } finally {
    isOpening -= 1;
  }
}

/** What is done to the hints of a picture while another one is opened is done to its hints still. */
async function keepHints({ id }) {
  let kept = JSON.parse(known);
  const isKept = () => JSON.stringify([kept.hints, kept.layer]) === JSON.stringify([choices.hints, choices.layer]);
  while (!isKept()) {
    kept = JSON.parse(JSON.stringify(choices));
    await ask("PUT", `/api/hints/${id}`, { body: JSON.stringify(kept) });
  }
}

/** Nothing that was begun on one picture ends on another: a drag, or a note that is being written. */
function letGo() {
  gesture = null;
  if ($("hints").contains(document.activeElement)) stage.focus({ preventScroll: true });
}

/** Do something that the server answers with the session; returns that answer, before the result is there, or null. */
async function change(doing, request, explain = complain, hasHints = false) {
  silence();
  changing += 1;
  stage.dataset.state = "busy";
  $("doing").textContent = doing;
  let told = null;
  try {
    while (!isSent()) await put();
    told = await request();
    if (session.target && told.target?.id !== session.target.id) {
      await keepHints(session.target).catch(explain);
      told.pictures.forEach((one) => { if (one.id === session.target.id) one.hints = countOf(choices); });
    }
  } catch (error) {
    explain(error);
  }
  changing -= 1;
  if (told) adopt(told, hasHints).catch(explain);
  if (!isSent() && !timer) recompute();
  if (!waiting && !timer && !changing) stage.dataset.state = "ready";
  return told;
}

setInterval(async () => {
  if (stage.dataset.state !== "busy") return;
  const { doing } = await askJson("GET", "/api/status").catch(() => ({}));
  if (doing) $("doing").textContent = `${doing}…`;
}, 400);

/** Whoever comes back to this tab sees what was done in another one. */
async function catchUp() {
  const { revision } = await askJson("GET", "/api/status").catch(() => ({}));
  if (revision > session.revision && isSent() && !waiting && !changing) await refresh();
}
window.addEventListener("focus", catchUp);
document.addEventListener("visibilitychange", () => { if (!document.hidden) catchUp(); });


// ---- Hints

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
  reveal();
}

/** Scroll the list to the selected hint. */
const reveal = () => $("hints").children[shown.selected]?.scrollIntoView({ block: "nearest" });

function hintAt(x, y, reached = REACHED) {
  const pane = paneAt(x);
  const far = choices.hints.map((hint) => Math.hypot(placeOf(hint, pane)[0] - x, placeOf(hint, pane)[1] - y));
  const nearest = far.indexOf(Math.min(...far));
  return nearest >= 0 && far[nearest] <= reached ? nearest : -1;
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
  if (!session.target || isOpening || event.button > 1) return;
  if (!$("message").classList.contains("error")) silence();
  stage.focus({ preventScroll: true });
  canvas.setPointerCapture(event.pointerId);
  pointers.set(event.pointerId, place(event));
  if (pointers.size === 2) {
    gesture = { kind: "pinch", ...spread() };
    return;
  }
  const reached = event.pointerType === "touch" ? REACHED_BY_FINGER : REACHED;
  const [x, y] = place(event), hint = event.button === 0 && shown.view !== "original" ? hintAt(x, y, reached) : -1;
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
  if (!session.target || isOpening || event.target !== stage) return;
  if (event.key in DIRECTIONS) {
    event.preventDefault();
    arrow(event, ...DIRECTIONS[event.key]);
  } else if (event.key === "Enter" && shown.cross && shown.selected < 0 && shown.view !== "original") {
    addHint(shown.cross.x, shown.cross.y);
  } else if (event.key === "Escape") {
    shown.cross = null;
    select(-1);
  }
});
$("hints").addEventListener("keydown", (event) => {
  if (!event.target.matches(".swatch") || !(event.key in DIRECTIONS)) return;
  event.preventDefault();
  arrow(event, ...DIRECTIONS[event.key]);
});

function arrow(event, dx, dy) {
  if (event.shiftKey || shown.view === "original") return pan(-60 * dx, -60 * dy);
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
for (const element of [stage, $("hints")]) {
  element.addEventListener("keyup", (event) => {
    if (event.key in DIRECTIONS && !event.target.matches(".note")) commit(`moves ${shown.selected}`);
  });
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || $("message").hidden || document.querySelector("dialog[open]")) return;
  event.stopPropagation();
  silence();
}, { capture: true });

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.matches?.("input[type=text], select, textarea");
  const hasUse = event.target.matches?.("input:not([type=radio], [type=checkbox])"); // for Delete and Backspace
  if (event.ctrlKey || event.metaKey) {
    const key = event.key.toLowerCase();
    if (key === "o") { event.preventDefault(); $("target-file").click(); }
    if (isTyping) return;
    if (key === "z") { event.preventDefault(); (event.shiftKey ? redo : undo)(); }
    if (key === "y") { event.preventDefault(); redo(); }
    return;
  }
  if (isTyping || document.querySelector("dialog[open]")) return;
  if ((hasUse || isOpening) && ["Delete", "Backspace"].includes(event.key)) return;
  const actions = {
    "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8), "−": () => zoom(0.8), 0: fit,
    1: () => zoom(1 / (view.scale * pixelRatio())),
    Delete: () => shown.selected >= 0 && removeHint(shown.selected),
    Backspace: () => shown.selected >= 0 && removeHint(shown.selected),
    c: () => setView(shown.view === "compare" ? "result" : "compare"),
    o: () => setView(shown.view === "original" ? "result" : "original"),
    "?": () => $("keys").showModal(),
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

$("show-keys").addEventListener("click", () => $("keys").showModal());
$("keys-close").addEventListener("click", () => $("keys").close());
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
chosen("target-file", ([file]) => take([file], openTarget));
chosen("reference-files", (files) => take(files, addReference));
chosen("hints-file", ([file]) => openHints(file));

const areHints = ({ name }) => /\.(json|csv|hints\.(png|tiff?|webp))$/i.test(name);

/** Take files: each picture by the function for it, and hints, which their names tell, when the pictures are there. */
async function take(files, ...uses) {
  for (const file of files.filter((one) => !areHints(one))) {
    const isLayer = await uses[0](file);
    if (!isLayer && uses.length > 1) uses.shift();
  }
  for (const file of files.filter(areHints)) await openHints(file);
}

async function openTarget(file, perhaps = "") {
  const before = session.target, kept = countOf(choices) ? " with its hints" : "";
  const told = await open(`Opening ${file.name}…`, () => upload(`/api/target${perhaps}`, file, session.max_bytes));
  if (told?.is_layer) tellOfLayer(file, "Open it as a picture", openTarget);
  else if (told && before) tell(`${before.name} is put aside${kept}.`, "", ["Back to it", () => openKnown(before)]);
  return told?.is_layer;
}
const openKnown = ({ id, name }) => open(`Opening ${name}…`, () => askJson("POST", `/api/target/${id}`));
async function addReference(file, perhaps = "") {
  const told = await change(`Adding ${file.name}…`, () => upload(`/api/references${perhaps}`, file, session.max_bytes));
  if (told?.is_layer) tellOfLayer(file, "Add it as a reference", addReference);
  return told?.is_layer;
}

/** Pictures with transparency that are dropped on the picture are mostly painted hints; if not, here is the way back. */
function tellOfLayer(file, action, use) {
  tell(`${file.name} has transparency: what is painted on it are hints now.`, "", [action, async () => {
    choices.layer = null;
    commit();
    showAll();
    await use(file);
  }]);
}

async function openHints(file, force = "") {
  const explain = (error) => complain(error, error.can_force && ["Use them anyway", () => openHints(file, "?force=1")]);
  const told = await open(`Opening ${file.name}…`, () => upload(`/api/hints${force}`, file, session.max_bytes), explain, true);
  if (told?.told) tell(told.told);
}

$("example").addEventListener("click", () => open("Opening the example…", () => askJson("POST", "/api/example")));
$("page").addEventListener("change", () => open("Opening the page…", () => askJson("POST", `/api/page/${$("page").value}`)));
$("save-hints").addEventListener("click", async () => {
  const name = `${session.target.name.replace(/(?<=.)\.[^.]*$/, "")}.hints.json`;
  try {
    await sent();
    save(URL.createObjectURL(await (await ask("GET", "/api/hints")).blob()), name);
  } catch (error) {
    if (error instanceof Stale) return refresh();
    save(URL.createObjectURL(new Blob([hintsAsJson()], { type: "application/json" })), name);
    complain(new Error(`${error.message} The hints are saved as this page knows them.`));
  }
});

/** As the server would write it, but for the sha256 of the picture, which it alone knows. */
function hintsAsJson() {
  const { width, height } = session.target;
  const said = (hint) => Object.fromEntries(Object.entries(hint).filter(([, value]) => value !== null && value !== ""));
  return JSON.stringify({ excolor_hints: 1, target: { width, height }, hints: choices.hints.map(said) }, null, 2) + "\n";
}

function save(url, name) {
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
}

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
    save(`/api/results/${id}`, name);
    const news = notes.filter((note) => !noted.has(note));
    if (news.length) tell(news.map(sentence).join(" "));
  } catch (error) {
    complain(error);
  }
  $("download").disabled = false;
  if (!waiting && !timer) stage.dataset.state = "ready";
});

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
  const files = [...event.dataTransfer.files];
  if (!stage.contains(event.target)) return take(files, addReference);
  await take(files, (file) => openTarget(file, "?layer=1"), (file) => addReference(file, "?layer=1"));
});


// ---- Eyedropper

function pickFrom(id) {
  openPicker(id, listed(), (color) => {
    setColor(color);
    stage.focus();
  });
}
$("pick").addEventListener("click", () => {
  const first = choices.references.find((id) => choices.used.includes(id)) || choices.references[0];
  if (first) pickFrom(first);
});


// ---- What is around the picture

function showAll() {
  const { target } = session;
  $("empty").hidden = target !== null;
  $("empty-text").hidden = session.pictures.length > 0;
  $("empty-list").hidden = !session.pictures.length;
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
  showPicturesKnown();
  showReferences();
  showHints();
  showAdjust();
  showHistory();
}

const countOf = ({ hints, layer }) => hints.length + (layer ? 1 : 0);
const countText = (number) => (number ? `${number} ${number === 1 ? "hint" : "hints"}` : "");

/** The pictures of the folder, and those that were opened before. */
function showPicturesKnown() {
  const { pictures, target } = session;
  $("folder").hidden = pictures.length < 1 + (target !== null && pictures[0]?.id === target.id);
  $("file-count").textContent = pictures.length;
  rebuild($("files"), pictures.map(({ id, name, hints }) => {
    const row = document.createElement("li"), button = document.createElement("button");
    const label = document.createElement("span"), count = document.createElement("span");
    button.type = "button";
    button.title = name;
    label.className = "name";
    label.textContent = name;
    count.className = "count";
    count.textContent = countText(hints);
    button.append(label, count);
    button.setAttribute("aria-current", String(target?.id === id));
    button.addEventListener("click", () => openKnown({ id, name }));
    row.append(button);
    return row;
  }));
}

/** Give a list new rows; what has the focus in it has it afterwards, too. */
function rebuild(list, rows) {
  const row = [...list.children].findIndex((each) => each.contains(document.activeElement));
  const place = row < 0 ? -1 : [...list.children[row].querySelectorAll("button, input")].indexOf(document.activeElement);
  const { scrollTop } = list;
  list.replaceChildren(...rows);
  list.scrollTop = scrollTop;
  if (row >= 0 && rows.length) rows[Math.min(row, rows.length - 1)].querySelectorAll("button, input")[place]?.focus();
}

const fits = new Map();

$("reliance").addEventListener("change", () => recompute());

/** The references in the list, which may be fewer than those that the server has. */
const listed = () => choices.references.map((id) => session.received.find((one) => one.id === id)).filter(Boolean);

function showReferences() {
  const references = listed();
  $("reliance-row").hidden = !references.length;
  $("no-references").hidden = references.length > 0;
  $("pick").disabled = !references.length;
  rebuild($("references"), references.map(({ id, name }) => {
    const row = $("reference-row").content.firstElementChild.cloneNode(true);
    const isUsed = choices.used.includes(id);
    row.classList.toggle("off", !isUsed);
    row.querySelector("img").src = `/api/references/${id}/thumbnail`;
    row.querySelector(".name").textContent = name;
    row.querySelector("label").title = name;
    row.querySelector(".fit").textContent = fits.get(`${id} ${session.target?.id}`) || "";
    row.querySelector(".thumbnail").addEventListener("click", () => pickFrom(id));
    const box = row.querySelector("input");
    box.checked = isUsed;
    box.addEventListener("change", () => {
      choices.used = box.checked ? [...choices.used, id].sort() : choices.used.filter((one) => one !== id);
      row.classList.toggle("off", !box.checked);
      showAdjust();
      commit();
      recompute();
    });
    row.querySelector(".remove").addEventListener("click", () => {
      choices.references = choices.references.filter((one) => one !== id);
      choices.used = choices.used.filter((one) => one !== id);
      showReferences();
      showAdjust();
      commit();
      recompute();
    });
    return row;
  }));
}

async function showFits() {
  const { target } = session;
  for (const id of choices.references) {
    const key = `${id} ${target?.id}`;
    if (!target || fits.has(key)) continue;
    const told = await askJson("GET", `/api/references/${id}`).catch(() => null);
    if (told) fits.set(key, told.fit.toFixed(2));
    if (session.target !== target) return;
    showReferences();
  }
}

$("layer-remove").addEventListener("click", () => {
  choices.layer = null;
  showHints();
  commit();
  recompute();
});

let problems = new Map();

function showHints() {
  const { hints } = choices, layer = session.layers.find(({ id }) => id === choices.layer);
  $("no-hints").hidden = countOf(choices) > 0;
  $("layer").hidden = !layer;
  $("layer-name").textContent = $("layer-name").title = layer?.name || "";
  $("save-hints").disabled = !hints.length;
  const count = document.querySelector("#files [aria-current=true] .count");
  if (count) count.textContent = countText(countOf(choices));
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
    note.addEventListener("input", () => { hint.note = note.value; saveSoon(); });
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
  row.textContent = nearest ? "Nearest at this lightness: " : text;
  if (!nearest) return;
  const swatch = document.createElement("span");
  swatch.className = "nearest";
  swatch.style.background = nearest;
  swatch.title = nearest;
  row.append(swatch);
}

function showAdjust() {
  const isOn = { strength: choices.used.length > 0, vivid: true, hint_reach: countOf(choices) > 0 };
  const missing = { strength: "There is no reference to follow", hint_reach: "There are no hints" };
  for (const [id, name] of [["strength", "strength"], ["vivid", "vivid"], ["reach", "hint_reach"]]) {
    $(id).disabled = !isOn[name];
    $(id).value = isOn[name] ? choices[name] : DEFAULTS[name];
    $(id).title = isOn[name] ? "" : missing[name];
    $(`${id}-value`).textContent = isOn[name] ? choices[name].toFixed(2) : "–";
  }
}

function showHistory() {
  $("undo").disabled = history.past.length < 2;
  $("redo").disabled = !history.future.length;
}

let noted = new Set(); // what the page tells of the result

function showNotes(notes) {
  noted = new Set([...(session.target?.notes || []), ...notes.map(({ text }) => text)]);
  const before = JSON.stringify([...problems]);
  problems = new Map(notes.filter(({ hint }) => hint !== null).map(({ hint, text }) => [hint, text]));
  const others = [...(session.target?.notes || []).map((text) => `The picture ${text}.`), ...session.notes, ...notes.filter(({ hint }) => hint === null).map(({ text }) => text)];
  $("notes").replaceChildren(...others.map((text) => {
    const row = document.createElement("li");
    row.textContent = sentence(text);
    return row;
  }));
  if (!document.activeElement?.matches(".note")) showHints();
  if (JSON.stringify([...problems]) !== before) reveal(); // rows with problems are higher
}

/** Tell of an error; one `about` the result goes when there is another result. */
const complain = (error, action = null, about = "") => (error instanceof Stale ? refresh() : tell(error.message, "", action, true, about));


// ---- Start

if (location.search) window.history.replaceState(null, "", "/"); // the token is in the cookie now
reload().catch((error) => complain(error));
