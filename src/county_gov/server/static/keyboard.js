// Tables: arrow keys move between the rows' links, Home and End to the first and the last.

const MOVES = {
  ArrowDown: (place) => place + 1,
  ArrowUp: (place) => place - 1,
  Home: () => 0,
  End: (_place, last) => last,
};

document.addEventListener("keydown", (event) => {
  const move = MOVES[event.key];
  const table = event.target.closest?.("table[data-keyboard]");
  if (!move || !table || event.altKey || event.ctrlKey || event.metaKey) return;
  const links = [...table.querySelectorAll("tbody tr")].map((row) => row.querySelector("a")).filter(Boolean);
  const row = event.target.closest("tbody tr");
  const place = row ? links.indexOf(row.querySelector("a")) : -1;
  const next = links[Math.max(0, Math.min(links.length - 1, move(place, links.length - 1)))];
  if (!next) return;
  event.preventDefault();
  next.focus();
  next.scrollIntoView({ block: "nearest" });
});
