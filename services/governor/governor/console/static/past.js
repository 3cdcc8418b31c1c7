// Past arms, the newest first.

import { by, list, make, mark, say } from "./dom.js";
import { count, moment, money, words } from "./format.js";

const DECISIONS = { accepted: "good", refused: "bad", disarmed: "left" };
const GOOD = ["flat", "flat_except_dust"];

export function showPast(arms) {
  by("past-none").hidden = arms.length > 0;
  list(by("past"), arms, (arm) => arm.arm_id, create, update);
}

function create() {
  return make("li", {},
    make("time"), make("span", { class: "verdict" }), make("span", { class: "verdict outcome" }),
    make("span", { class: "who" }), make("span", { class: "quiet what" }), make("span", { class: "report" }));
}

function update(row, arm) {
  const [time, decision, outcome, who, what, report] = row.children;
  say(time, moment(arm.at_ms));
  mark(decision, DECISIONS[arm.decision] ?? "wait", arm.decision);
  if (arm.verdict) mark(outcome, GOOD.includes(arm.verdict) ? "good" : "bad", words(arm.verdict));
  else if (arm.request_id) mark(outcome, "wait", "no verdict yet");
  else outcome.replaceChildren();
  say(who, `${arm.operator}: ${arm.reason}`);
  say(what, arm.verdict
    ? `${count(arm.closed)} of ${count(arm.to_close)} closed, ${money(arm.left_usd)} left open · ${arm.request_id}`
    : [arm.request_id || arm.arm_id, ...arm.failed].join(" · "));
  // The evidence report of the run, where there is one to link to.
  if (arm.report && !report.firstElementChild) report.append(make("a", { href: arm.report }, "report"));
}
