"use strict";
// Two things that a page cannot do without a script: tell the values under the pointer, and load
// itself again while its run goes on. Without scripts everything is still there to be read.
(() => {
  const spelled = (value, form) => {
    if (form === "percent") return `${Math.round(value * 1000) / 10}%`;
    if (form === "count") return Math.round(value).toLocaleString("en");
    return value.toLocaleString("en", { maximumSignificantDigits: 4 });
  };

  const nearest = (points, x) => {
    let low = 0;
    let high = points.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (points[middle][0] < x) low = middle; else high = middle;
    }
    return Math.abs(points[low][0] - x) <= Math.abs(points[high][0] - x) ? points[low] : points[high];
  };

  const listen = (plot) => {
    const drawing = plot.querySelector("svg");
    const cursor = plot.querySelector(".cursor");
    const hint = plot.querySelector(".hint");
    const told = JSON.parse(plot.querySelector("script").textContent);
    const [begin, end, title] = told.x;
    const lines = told.lines.filter(([, points]) => points.length);
    let at = 1;

    const hide = () => {
      plot.classList.remove("pointed");
      hint.hidden = true;
    };
    const show = (part) => {
      at = Math.min(1, Math.max(0, part));
      const x = nearest(lines[0][1], begin + at * (end - begin))[0];
      const place = `${((x - begin) / (end - begin)) * 100}%`;
      cursor.setAttribute("x1", place);
      cursor.setAttribute("x2", place);
      const values = lines.map(([name, points]) => `${name}: ${spelled(nearest(points, x)[1], told.form)}`);
      hint.textContent = [`${spelled(x, "number")} ${title.split(" ").slice(0, 2).join(" ")}`, ...values].join("\n");
      hint.hidden = false;
      plot.classList.add("pointed");
      const inset = drawing.getBoundingClientRect().left - plot.getBoundingClientRect().left;
      const across = inset + ((x - begin) / (end - begin)) * drawing.clientWidth;
      const beside = across + 14 + hint.offsetWidth > plot.clientWidth ? across - 14 - hint.offsetWidth : across + 14;
      hint.style.left = `${Math.max(0, beside)}px`;
    };
    const point = (event) => {
      const box = drawing.getBoundingClientRect();
      show((event.clientX - box.left) / box.width);
    };
    drawing.addEventListener("pointermove", point);
    drawing.addEventListener("pointerdown", point);
    drawing.addEventListener("pointerleave", hide);
    drawing.addEventListener("blur", hide);
    drawing.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -0.02, ArrowRight: 0.02 }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      show(at + step);
    });
  };
  document.querySelectorAll(".plot").forEach(listen);

  // What the reader has opened, and where they are, outlives a reload of the tab.
  const key = `trainingrun-report:${location.pathname}`;
  const opened = () => [...document.querySelectorAll("details")].map((each) => each.open);
  try {
    const kept = JSON.parse(sessionStorage.getItem(key) || "null");
    if (kept) {
      document.querySelectorAll("details").forEach((each, index) => { each.open = Boolean(kept.open[index]); });
      window.scrollTo(0, kept.top);
    }
    sessionStorage.removeItem(key);
  } catch { /* a browser that keeps nothing: the page begins at its top */ }

  const every = Number(document.body.dataset.every || 0) * 1000;
  if (!every) return;
  const written = Number(document.body.dataset.written) * 1000;
  const stale = document.getElementById("stale");
  const isRead = () => document.hidden || String(getSelection()) !== "" || document.querySelector(".pointed");
  const reload = () => {
    if (isRead()) { setTimeout(reload, 1000); return; }
    try {
      sessionStorage.setItem(key, JSON.stringify({ open: opened(), top: window.scrollY }));
    } catch { /* see above */ }
    location.reload();
  };
  const age = Date.now() - written;
  const isOld = age > Math.max(60000, 6 * every);
  if (isOld) {
    stale.textContent = `This page has not been written for ${Math.round(age / 1000)} s: whatever wrote it has ended, or hangs.`;
    stale.hidden = false;
  }
  setTimeout(reload, isOld ? 30000 : every);
})();
