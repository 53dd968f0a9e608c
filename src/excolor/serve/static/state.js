/** What the parts of the page share. Places are fractions of the picture; `view` maps its pixels to those of the screen. */

export const $ = (id) => document.getElementById(id);
export const stage = $("stage");
export const clamp = (value) => Math.min(1, Math.max(0, value));

export const DEFAULT_RADIUS = 1; // of a hint, in percent of the shorter side

/** What the server knows too, as far as this page has heard. */
export const session = { revision: 0, target: null, received: [], layers: [], notes: [], pictures: [], max_bytes: Infinity };

export const DEFAULTS = { hints: [], layer: null, references: [], used: [], strength: 1, vivid: 1, hint_reach: 1 };
/** What shapes the result; undo steps through copies of it. */
export let choices = structuredClone(DEFAULTS);
export function setChoices(value) {
  choices = value;
}

/** What is shown. */
export const shown = { before: null, after: null, detail: null, reliance: null, view: "result", divider: 0.5, selected: -1, cross: null };
export const view = { scale: 1, x: 0, y: 0, fits: true };
