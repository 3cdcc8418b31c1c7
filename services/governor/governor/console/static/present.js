// The banner, what an arm would meet, and the oracle.

import { by, list, make, mark, say, set } from "./dom.js";
import { age, count, moment, plural, words } from "./format.js";

const LIGHTS = {
  passes: ["good", "passes"],
  refuses: ["bad", "refuses"],
  depends: ["open", "asked of each arm"],
  unknown: ["wait", "not known yet"],
};

export function showPresent({ present, run }) {
  set(by("banner"), "data-environment", present.environment);
  say(by("environment"), present.real_money ? `${present.environment} · real money` : present.environment);
  say(by("account"), present.account);
  say(by("namespace"), present.namespace);
  say(by("version"), `Flatguard ${present.version}`);
  headline(present, run);
  list(by("gates"), present.gates, (gate) => gate.gate, gateRow, gateUpdate);
  problems(present.problems);
}

function headline(present, run) {
  const refusing = present.gates.filter((gate) => gate.light === "refuses").map((gate) => words(gate.gate));
  let saying;
  let [kind, detail] = run?.ended ? [run.good ? "good" : "bad", lastRun(run)] : ["wait", ""];
  let mood = "calm";
  if (present.in_flight || (run && !run.ended)) {
    mood = "busy";
    saying = run && !run.ended ? `Flattening: ${run.stage}${progress(run)}` : "A flatten is in flight";
    [kind, detail] = ["wait", run && !run.ended ? run.request_id : present.in_flight];
  } else if (present.armed) {
    mood = "busy";
    saying = "Armed";
    [kind, detail] = ["wait", present.armed];
  } else if (present.would_pass === null) {
    saying = "The gates were not looked at yet";
  } else if (present.would_pass) {
    mood = "ready";
    saying = "Ready: an arm would be accepted";
  } else {
    saying = `Not ready: an arm would be refused by ${refusing.join(", ")}`;
  }
  say(by("headline"), saying);
  mark(by("detail"), kind, detail);
  by("detail").hidden = !detail;
  set(by("headline").parentElement, "data-mood", mood);
  document.title = `${present.environment} ${present.account}: ${saying} – Flatguard`;
}

function progress(run) {
  const [, , planned, , closed] = run.funnel.map((stage) => stage.positions);
  return planned === null ? "" : `, ${count(closed)} of ${count(planned)} closed`;
}

function lastRun(run) {
  const closed = run.funnel.at(-1).positions;
  const at = run.steps.at(-1).at_ms;
  const left = run.left.length ? `, ${count(run.left.length)} LEFT OPEN` : "";
  return `Last run: ${words(run.verdict)}, ${count(closed)} closed${left}${at === null ? "" : `, ${moment(at)}`}`;
}

function gateRow() {
  return make("li", { class: "light" },
    make("span", { class: "name" }), make("span", { class: "verdict" }), make("span", { class: "why quiet" }));
}

function gateUpdate(row, gate) {
  const [name, verdict, why] = row.children;
  const [kind, word] = LIGHTS[gate.light];
  say(name, words(gate.gate));
  mark(verdict, kind, word);
  const told = gate.light === "refuses" && gate.required ? `${gate.observed} (required: ${gate.required})` : gate.observed;
  say(why, told.replaceAll("=", "=\u200b")); // a long assignment may break after its sign
}

function problems(found) {
  by("problems").hidden = found.length === 0;
  list(by("problems"), found, (text) => text, () => make("li"), (row, text) => mark(row, "warn", text));
}

// What changes with every moment: how old the newest snapshot is.
export function showAges({ oracle }, now_ms) {
  if (oracle.taken_at_ms === null) {
    say(by("oracle-age"), "none");
    mark(by("oracle-word"), "warn", "no snapshot so far");
    say(by("oracle-detail"), "Arms flatten all the same: no gate waits for the oracle.");
    return;
  }
  const old = Math.max(0, now_ms - oracle.taken_at_ms);
  say(by("oracle-age"), age(old));
  if (old > oracle.late_after_ms) mark(by("oracle-word"), "warn", "old: what stands here may no longer be so");
  else mark(by("oracle-word"), "good", "fresh");
  const unreadable = oracle.unreadable ? `, ${plural(oracle.unreadable, "row")} unreadable` : "";
  say(by("oracle-detail"),
    `${plural(oracle.symbols_seen, "symbol")} read in ${count(oracle.read_ms)} ms, ${plural(oracle.open_rows, "row")} open${unreadable}`);
}
