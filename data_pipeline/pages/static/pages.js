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
