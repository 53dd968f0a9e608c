/** Messages to the person, at the lower end of the picture. */

import { $ } from "./state.js";

/** A note as a sentence. A file's name stays as it is. */
export function sentence(note) {
  const text = /^[a-z]+ /.test(note) ? note[0].toUpperCase() + note.slice(1) : note;
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}

let fading = 0;
/** Say something, for a while; an error stays, and one `about` the result goes when there is another result. */
export function tell(text, code = "", action = null, isError = false, about = "") {
  const shownCode = document.createElement("code");
  shownCode.textContent = code;
  $("message-text").replaceChildren(text, ...(code ? [shownCode] : []));
  $("message").classList.toggle("error", isError);
  $("message").hidden = false;
  $("message").dataset.about = about;
  $("message-action").hidden = !action;
  if (action) {
    $("message-action").textContent = action[0];
    $("message-action").onclick = () => { silence(); action[1](); };
  }
  clearTimeout(fading);
  if (!isError) fading = setTimeout(silence, 12000);
}

export const silence = () => { $("message").hidden = true; };
$("message-close").addEventListener("click", silence);
