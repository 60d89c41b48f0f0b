// What a page gains with a script; without it everything works.
"use strict";

// Airflow's own choice of light or dark, where its page is around this one; else the browser's.
try {
  const theme = window.parent !== window && window.parent.document.documentElement.className.match(/\b(light|dark)\b/);
  if (theme) document.documentElement.dataset.theme = theme[1];
} catch {
  // the page around is not ours
}

// A link into Airflow opens in Airflow itself and not inside this frame.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-airflow]");
  if (!link || window.parent === window || event.ctrlKey || event.metaKey || event.shiftKey) return;
  try {
    const outside = window.parent.document.createElement("a");
    outside.href = link.href;
    window.parent.document.body.append(outside);
    outside.click();
    outside.remove();
    event.preventDefault();
  } catch {
    // the frame shows it then
  }
});

// Arrow keys walk through a heatmap from the cell that has the focus.
document.addEventListener("keydown", (event) => {
  const cell = event.target.closest("table.heat td");
  const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
  if (!cell || !step) return;
  const row = cell.parentElement.parentElement.rows[cell.parentElement.sectionRowIndex + step[0]];
  const next = row && row.cells[cell.cellIndex + step[1]];
  const link = next && next.querySelector("a");
  if (link) {
    link.focus();
    event.preventDefault();
  }
});

// What the stream brings, while the session is under way and the page is looked at. The server draws it.
const live = document.querySelector("[data-live-from]");
const LATER = 30000;
let events = null;

function say(text) {
  live.textContent = text;
  live.hidden = !text;
}

function listen() {
  if (events || document.hidden) return;
  const mine = (events = new EventSource(live.dataset.liveFrom));
  for (const part of document.querySelectorAll("[data-live]")) {
    mine.addEventListener(part.dataset.live, (event) => (part.innerHTML = event.data));
  }
  mine.addEventListener("trouble", (event) => say(event.data));
  mine.addEventListener("end", (event) => {
    mine.close();
    say(event.data);
  });
  mine.addEventListener("error", () => {
    if (mine.readyState === EventSource.CLOSED && mine === events) refused(mine.url);
  });
}

// The browser comes back by itself when the line breaks; what it was refused with only another request tells.
async function refused(address) {
  events = null;
  const stop = new AbortController();
  try {
    const answer = await fetch(address, { signal: stop.signal });
    const signedOut = answer.status === 401 || answer.status === 403;
    say(answer.ok ? "" : answer.status === 503 ? await answer.text() : live.dataset.liveGone);
    if (!signedOut) setTimeout(listen, LATER);
  } catch {
    setTimeout(listen, LATER);
  } finally {
    stop.abort();
  }
}

if (live && window.EventSource) {
  document.addEventListener("visibilitychange", () => {
    if (document.hidden && events) events.close();
    if (document.hidden) events = null;
    listen();
  });
  listen();
}
