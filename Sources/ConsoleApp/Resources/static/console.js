// Keeps an open page up to date, and prints it. Without this file, or without a connection, the page stays as it was loaded.
(() => {
  "use strict";
  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }

  const quietMilliseconds = 3000;
  const freshness = document.querySelector("[data-freshness]");
  if (!window.EventSource || !freshness || !document.body.hasAttribute("data-live")) return;

  // As of the page itself: what changed between its making and the first event is not missed.
  let version = document.body.dataset.live;
  let refreshedAt = 0;
  let timer = null;

  const replace = (part, fresh) => {
    if (part.contains(document.activeElement)) return;
    const open = [...part.querySelectorAll("details")].map((details) => details.open);
    [...fresh.querySelectorAll("details")].forEach((details, index) => { details.open = open[index] ?? false; });
    if (part.innerHTML !== fresh.innerHTML) part.replaceWith(document.adoptNode(fresh));
  };

  const refresh = async () => {
    timer = null;
    refreshedAt = Date.now();
    const response = await fetch(location.href, { credentials: "same-origin" });
    if (!response.ok || response.redirected) return;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    for (const part of document.querySelectorAll("[data-live-part]")) {
      const fresh = page.getElementById(part.id);
      if (fresh) replace(part, fresh);
    }
  };

  const refreshSoon = () => {
    if (timer !== null || document.hidden) return;
    const wait = Math.max(0, refreshedAt + quietMilliseconds - Date.now());
    timer = setTimeout(() => { refresh().catch(() => {}); }, wait);
  };

  const source = new EventSource("/events");
  source.addEventListener("snapshot", (event) => {
    const snapshot = JSON.parse(event.data);
    freshness.textContent = snapshot.sentence;
    freshness.classList.toggle("held", snapshot.freshness.held_partitions > 0);
    if (version !== snapshot.version) refreshSoon();
    if (!document.hidden) version = snapshot.version;
  });
  window.addEventListener("pagehide", () => source.close());
})();
