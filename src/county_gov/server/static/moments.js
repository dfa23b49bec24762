// Relative times keep telling the truth while a page stays open, and a reading turns stale when
// its limit passes.

const language = document.documentElement.lang;
const words = new Intl.RelativeTimeFormat(language, { numeric: "always" });
const MINUTE = 60_000;
const UNITS = [["day", 24 * 60 * MINUTE], ["hour", 60 * MINUTE], ["minute", MINUTE]];
const FAR = 30 * 24 * 60 * MINUTE;

// The server's clock, not the officer's: the difference is taken once, from the page itself.
const drawn = Number(document.querySelector("main")?.dataset.now);
const ahead = drawn ? Date.now() - drawn : 0;
const now = () => Date.now() - ahead;

// What has passed is told in whole units; what lies ahead, to the nearest.
const whole = (units) => (units < 0 ? Math.ceil(units) : Math.round(units));

function distance(milliseconds) {
  const gap = milliseconds - now();
  if (Math.abs(gap) >= FAR) return "";
  for (const [unit, length] of UNITS) {
    if (Math.abs(gap) >= length) {
      return words.format(whole(gap / length), unit).replace(/(\d)(\p{Script=Han})/u, "$1 $2");
    }
  }
  return null;
}

function tell(root) {
  for (const time of root.querySelectorAll("time[data-relative]")) {
    const told = distance(Number(time.dataset.relative));
    const place = time.querySelector(".ago");
    if (place && told !== null && place.textContent !== told) place.textContent = told;
  }
  for (const row of root.querySelectorAll("[data-stale-at]")) {
    if (Number(row.dataset.staleAt) > now()) continue;
    row.classList.add("stale-reading");
    row.querySelector("[data-when-fresh]")?.setAttribute("hidden", "");
    row.querySelector("[data-when-stale]")?.removeAttribute("hidden");
  }
}

tell(document);
setInterval(() => tell(document), 20_000);
document.addEventListener("county:renewed", () => tell(document));
