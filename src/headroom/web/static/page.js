// What htmx does not do: name the day under a slider while it moves, mark filters that are set, and "/" for the search.
"use strict";

const DAY = 86400000;

/** Name the moment that a slider stands at, as the server does in its answer. */
function nameOf(slider) {
  const minutes = slider.dataset.unit === "minute";
  const moment = new Date(Date.parse(slider.dataset.start) + Number(slider.value) * (minutes ? 60000 : DAY));
  const options = { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" };
  return moment.toLocaleString("en-GB", minutes ? { ...options, hour: "2-digit", minute: "2-digit" } : options);
}

document.addEventListener("input", (event) => {
  if (event.target.matches("input[type=range]")) {
    event.target.setAttribute("aria-valuetext", nameOf(event.target));
  }
});

function markFilters() {
  for (const select of document.querySelectorAll(".filters select")) {
    select.classList.toggle("chosen", select.value !== "");
  }
}
document.addEventListener("change", markFilters);
document.addEventListener("DOMContentLoaded", markFilters);
window.addEventListener("pageshow", markFilters);

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select");
  const search = document.querySelector("input[type=search]");
  if (event.key === "/" && !typing && search && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    search.focus();
    search.select();
  }
});
