/** Requests to the server that gave us this page. */

/** Tells this page from others of the same session: what one does without knowing of the others is not taken. */
export const page = [...crypto.getRandomValues(new Uint32Array(4))].join("-");

/** The session has changed meanwhile, so that the request is of no use any more. */
export class Stale extends Error {}

const MOST_LAST = 60_000; // bytes; browsers take no more than 64 KiB of a request that goes on without its page

/** The answer; a request that `isLast` goes on when the page is gone. Raises Stale, or an Error with a sentence for the person. */
export async function ask(method, path, { body, headers, signal, isLast = false } = {}) {
  const keepalive = isLast && new Blob([body]).size <= MOST_LAST;
  let answer;
  try {
    answer = await fetch(path, { method, body, headers: { ...headers, "X-Page": page }, signal, keepalive, credentials: "same-origin" });
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

export const askJson = async (...request) => (await ask(...request)).json();

/** Send a file of at most so many bytes. */
export async function upload(path, file, most) {
  if (file.size > most) {
    throw new Error(`${file.name} is larger than ${most / 1e6} MB, which is the limit; start excolor serve with a higher --max-upload.`);
  }
  return askJson("POST", path, { body: file, headers: { "X-Name": encodeURIComponent(file.name) } });
}
