// The console: follows the state and shows it. It can send nothing but the request for it.

import { by, say, set } from "./dom.js";
import { age } from "./format.js";
import { follow } from "./stream.js";
import { showHoldings } from "./holdings.js";
import { showAges, showPresent } from "./present.js";
import { showPast } from "./past.js";
import { showRun } from "./run.js";

const KEPT = "flatguard-console-token"; // of this tab alone, and gone with it
const STALE_MS = 3_500; // three ticks were missed

const known = { present: null, run: null };
let heard = null; // when the last tick came, by the browser's clock, and what the server's clock said
let following = null;

const parts = {
  present(value) { known.present = value; showPresent(known); },
  run(value) { known.run = value; showRun(value); if (known.present) showPresent(known); },
  past: showPast,
  holdings: showHoldings,
  tick(value) { heard = { at: performance.now(), server: value.now_ms }; alive(); },
};

function start(token) {
  following?.abort();
  following = new AbortController();
  heard = null;
  say(by("login-error"), "");
  follow(token, { part: (name, value) => parts[name]?.(value), state }, following.signal);
}

function state(word, why) {
  if (word === "locked") {
    const tried = sessionStorage.getItem(KEPT);
    sessionStorage.removeItem(KEPT);
    locked(tried ? why : "");
  } else if (word === "live") {
    by("login").hidden = true;
    by("forget").hidden = !sessionStorage.getItem(KEPT);
  }
  if (word === "lost") alive();
}

function locked(why) {
  by("state").hidden = true;
  by("login").hidden = false;
  by("forget").hidden = true;
  heard = null;
  set(document.body, "data-alive", "locked");
  say(by("alive"), "locked");
  say(by("login-error"), why);
  by("token").focus();
}

// Whether what is shown is the present. A page that stands still must not look like one that is calm.
function alive() {
  if (!by("login").hidden) return;
  if (heard === null) {
    set(document.body, "data-alive", "connecting");
    say(by("alive"), "connecting");
    return;
  }
  by("state").hidden = false;
  const silent = performance.now() - heard.at;
  const live = silent < STALE_MS;
  set(document.body, "data-alive", live ? "live" : "stale");
  say(by("alive"), live ? "live" : `NOT LIVE for ${age(Math.floor(silent / 1000) * 1000)}`);
  if (known.present) showAges(known.present, heard.server + silent);
}

by("login").addEventListener("submit", (event) => {
  event.preventDefault();
  const token = by("token").value.trim();
  by("token").value = "";
  sessionStorage.setItem(KEPT, token);
  by("login").hidden = true;
  start(token);
});

by("forget").addEventListener("click", () => {
  sessionStorage.removeItem(KEPT);
  following?.abort();
  locked("");
});

setInterval(alive, 250);
start(sessionStorage.getItem(KEPT) ?? "");
