// Shows times in the reader's own zone, and keeps "5 minutes ago" right for as long as
// the page is open. Without it they are in UTC, and seen from when the page was made. It comes
// first, and has what says a sentence in the page's language for the other scripts too.
"use strict";
const countersign = (() => {
  const lang = document.documentElement.lang, words = JSON.parse(document.getElementById("words")?.textContent || "{}"), rules = new Intl.PluralRules(lang);
  // A sentence is looked up by the English one, and has values as templates/language.go puts them in.
  function t(key, ...values) {
    let next = 0;
    return (words[key] ?? key).replace(/%(?:\[(\d+)\])?[sd]/g, (_, at) => values[at ? at - 1 : next++]);
  }
  // One that counts has a form for each kind of number.
  function n(count, one, many) {
    const forms = words[one];
    return (forms ? forms[rules.select(count)] ?? forms.other : count === 1 ? one : many).replace("%d", count);
  }
  return { lang, t, n };
})();
(() => {
  const { lang, t, n } = countersign;
  // The service's clock counts, from when its answer came: the reader's may be wrong.
  const came = performance.timeOrigin + (performance.getEntriesByType("navigation")[0]?.responseStart ?? performance.now());
  const ahead = Date.parse(document.currentScript.dataset.now) - came;
  const zone = new Intl.DateTimeFormat(lang === "en" ? "en-GB" : lang, {
    weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZoneName: "short",
  });
  const inMinutes = (m) => n(m, "%d minute", "%d minutes"), inHours = (h) => n(h, "%d hour", "%d hours");

  // As templates/when.go says it, but for the last hour of a deadline, which is counted down.
  function relative(seconds, down) {
    const left = Math.abs(seconds);
    if (down && seconds > 0 && seconds < 3600) return t("in %s min %s s", Math.floor(seconds / 60), String(Math.floor(seconds % 60)).padStart(2, "0"));
    if (left < 45) return seconds > 0 ? t("in less than a minute") : t("just now");
    const minutes = Math.round(left / 60), hours = Math.floor(minutes / 60);
    let span = n(Math.floor(hours / 24), "%d day", "%d days");
    if (minutes < 60) span = inMinutes(minutes);
    else if (hours < 6 && minutes % 60) span = t("%s %s", inHours(hours), inMinutes(minutes % 60));
    else if (hours < 48) span = inHours(hours);
    return seconds > 0 ? t("in %s", span) : t("%s ago", span);
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
