// Shows times in the reader's own zone, and keeps "5 minutes ago" right for as long as
// the page is open. Without it they are in UTC, and seen from when the page was made.
"use strict";
(() => {
  // The service's clock counts, from when its answer came: the reader's may be wrong.
  const came = performance.timeOrigin + (performance.getEntriesByType("navigation")[0]?.responseStart ?? performance.now());
  const ahead = Date.parse(document.currentScript.dataset.now) - came;
  const zone = new Intl.DateTimeFormat("en-GB", {
    weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short",
  });
  const plural = (n, unit) => n + " " + unit + (n === 1 ? "" : "s");

  // As templates/when.go says it, but for the last hour of a deadline, which is counted down.
  function relative(seconds, down) {
    const left = Math.abs(seconds);
    if (down && seconds > 0 && seconds < 3600) return "in " + Math.floor(seconds / 60) + " min " + String(Math.floor(seconds % 60)).padStart(2, "0") + " s";
    if (left < 45) return seconds > 0 ? "in less than a minute" : "just now";
    const minutes = Math.round(left / 60), hours = Math.floor(minutes / 60);
    let span = plural(Math.floor(hours / 24), "day");
    if (minutes < 60) span = plural(minutes, "minute");
    else if (hours < 6 && minutes % 60) span = plural(hours, "hour") + " " + plural(minutes % 60, "minute");
    else if (hours < 48) span = plural(hours, "hour");
    return seconds > 0 ? "in " + span : span + " ago";
  }

  function show(e) {
    const at = Date.parse(e.dateTime), rel = e.dataset.rel;
    if (Number.isNaN(at)) return;
    if (rel === undefined && !e.title) e.title = e.textContent; // UTC, as it was
    const text = rel === undefined ? zone.format(at) : relative((at - Date.now() - ahead) / 1000, rel === "down");
    if (e.textContent !== text) e.textContent = text;
  }

  const all = () => document.querySelectorAll("time").forEach(show);
  all();
  setInterval(all, 1000);
  // What live.js puts in is shown so before it is seen.
  new MutationObserver(all).observe(document.body, { childList: true, subtree: true });
})();
