// Live pages: after an event the page's own content is fetched and only what changed is put in
// its place. Focus, scroll, open folds, typed text and drawn charts stay as they are.

const main = document.querySelector("main[data-events]");
const kinds = main.dataset.refreshOn.split(" ").filter(Boolean);
const sign = document.querySelector("[data-connection]");
const PATIENCE = { observations: 2_000, alert: 150, case: 150 };

function say(state, word) {
  sign.hidden = false;
  sign.dataset.state = state;
  if (sign.textContent !== word) sign.textContent = word;
}

// --- putting new content in place ---------------------------------------------------------

const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.id || node.dataset.live || "" : "");
const alike = (here, there) => here.nodeType === there.nodeType && here.nodeName === there.nodeName && keyOf(here) === keyOf(there);

function renewAttributes(here, there) {
  const own = here.nodeName === "DETAILS" ? ["open"] : [];
  for (const { name } of [...here.attributes]) {
    if (!there.hasAttribute(name) && !own.includes(name)) here.removeAttribute(name);
  }
  for (const { name, value } of there.attributes) {
    if (here.getAttribute(name) !== value && !own.includes(name)) here.setAttribute(name, value);
  }
}

function renew(here, there) {
  if (here.isEqualNode(there)) return;
  if (here.nodeType !== Node.ELEMENT_NODE) {
    here.nodeValue = there.nodeValue;
    return;
  }
  if (here.hasAttribute("data-keep")) return;
  renewAttributes(here, there);
  const waiting = new Map([...here.children].filter(keyOf).map((child) => [keyOf(child), child]));
  let place = here.firstChild;
  for (const wanted of [...there.childNodes]) {
    const keyed = waiting.get(keyOf(wanted));
    const found = keyed && alike(keyed, wanted) ? keyed : place && alike(place, wanted) ? place : null;
    if (!found) {
      here.insertBefore(document.importNode(wanted, true), place);
      continue;
    }
    if (found === place) place = place.nextSibling;
    else here.insertBefore(found, place);
    renew(found, wanted);
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

function busy(part) {
  return part.querySelector("form[data-typed], form[data-sending]") !== null || (part.querySelector("form") && part.contains(document.activeElement));
}

function put(fresh) {
  document.title = fresh.title || document.title;
  for (const part of document.querySelectorAll("[data-live]")) {
    const wanted = fresh.querySelector(`[data-live="${CSS.escape(part.dataset.live)}"]`);
    if (!wanted || part.parentElement.closest("[data-live]")) continue;
    if (busy(part)) {
      if (wanted.dataset.version !== part.dataset.version) part.querySelector("[data-changed]")?.removeAttribute("hidden");
      continue;
    }
    renew(part, wanted);
  }
  arrivals(fresh);
  document.dispatchEvent(new CustomEvent("county:renewed"));
}

// A part that is new as a whole comes in after the part that stands before it.
function arrivals(fresh) {
  for (const wanted of fresh.querySelectorAll("[data-live]")) {
    if (document.querySelector(`[data-live="${CSS.escape(wanted.dataset.live)}"]`)) continue;
    const before = wanted.previousElementSibling?.dataset.live;
    const place = before && document.querySelector(`[data-live="${CSS.escape(before)}"]`);
    place?.after(document.importNode(wanted, true));
  }
}

// The session has ended: what somebody is typing is worth more than a fresh page.
function leave() {
  stream?.close();
  if (document.querySelector("form[data-typed]")) say("lost", sign.dataset.outWord);
  else location.reload();
}

// --- fetching it --------------------------------------------------------------------------

let timer = 0;
let fetching = false;
let again = false;

async function fetchFresh() {
  if (fetching || document.hidden) {
    again = true;
    return;
  }
  fetching = true;
  again = false;
  try {
    const address = new URL(location.href);
    address.searchParams.set("fragment", "1");
    address.hash = "";
    const answer = await fetch(address, { headers: { Accept: "text/html" }, credentials: "same-origin" });
    if (answer.redirected || answer.status === 401) leave();
    else if (answer.ok) put(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    say("lost", sign.dataset.lostWord);
    again = true;
  } finally {
    fetching = false;
    if (again && !document.hidden) soon(PATIENCE.observations);
  }
}

function soon(patience) {
  if (timer) return;
  timer = setTimeout(() => {
    timer = 0;
    fetchFresh();
  }, patience);
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden && again) soon(0);
});

// --- hearing of it ------------------------------------------------------------------------

let lost = false;
let stream = null;

function listen() {
  stream = new EventSource(main.dataset.events);
  stream.addEventListener("open", () => {
    say("live", lost ? sign.dataset.backWord : sign.dataset.liveWord);
    if (lost) {
      soon(0);
      setTimeout(() => lost || say("live", sign.dataset.liveWord), 6_000);
    }
    lost = false;
  });
  stream.addEventListener("error", () => {
    lost = true;
    say("lost", sign.dataset.lostWord);
    // The browser tries again by itself, with Last-Event-ID, unless the answer was a refusal.
    if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 5_000);
  });
  for (const kind of kinds) stream.addEventListener(kind, () => soon(PATIENCE[kind] ?? 500));
  stream.addEventListener("reset", () => soon(0));
}

listen();
window.addEventListener("pagehide", () => stream?.close());
window.addEventListener("pageshow", (event) => event.persisted && listen());
