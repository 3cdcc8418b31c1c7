// The run in flight, or the last one: how far, the funnel, every position, and what it left open.

import { by, list, make, mark, say, set } from "./dom.js";
import { clock, count, money, plural, quantity, words } from "./format.js";

const KINDS = { waiting: "wait", done: "good", trouble: "bad", doubt: "warn", left: "left" };
const URGENT = ["trouble", "doubt"];

export function showRun(run) {
  by("run-none").hidden = run !== null;
  by("run-body").hidden = run === null;
  by("left").hidden = run === null;
  set(by("left"), "data-urgent", String(run !== null && run.ended && !run.good));
  say(by("run-title"), run === null || run.ended ? "Last run" : "Run in flight");
  set(by("run"), "data-stage", run === null ? "none" : run.ended ? "ended" : "under-way");
  if (run === null) return;
  residual(run);
  if (!run.ended) mark(by("run-verdict"), "wait", run.stage);
  else mark(by("run-verdict"), run.good ? "good" : "bad", words(run.verdict) + (run.abort_reason ? `: ${run.abort_reason}` : ""));
  say(by("run-who"), [run.operator && `armed by ${run.operator}`, run.reason, run.request_id].filter(Boolean).join(" · "));
  list(by("run-funnel"), run.funnel, (stage) => stage.name,
    () => make("li", {}, make("strong"), make("span", { class: "quiet" })),
    (row, stage) => {
      say(row.firstElementChild, stage.positions === null ? "–" : count(stage.positions));
      say(row.lastElementChild, stage.name);
    });
  list(by("run-steps"), run.steps, (step) => step.name,
    () => make("li", {}, make("span", { class: "name" }), make("time")),
    (row, step) => {
      set(row, "class", step.at_ms === null ? "ahead" : "reached");
      say(row.firstElementChild, step.name);
      say(row.lastElementChild, step.at_ms === null ? "not yet" : clock(step.at_ms));
    });
  say(by("run-orders"), run.orders);
  list(by("run-positions"), sorted(run.positions), ([symbol, leg]) => `${symbol} ${leg}`, tile, tileUpdate);
  fold(run);
  by("run-notes").hidden = run.notes.length === 0;
  list(by("run-notes"), run.notes, (note) => note, () => make("li"), (row, note) => say(row, note));
}

// Open while it runs; folded once all is well. A person may open and fold it in between.
let folded = "";
function fold(run) {
  const wrong = URGENT.map((state) => [run.positions.filter((position) => position[5] === state).length, `in ${state}`])
    .filter(([number]) => number > 0);
  say(by("run-summary"), [`Positions of the run: ${count(run.positions.length)}`, ...wrong.map((each) => each.join(" "))].join(", "));
  by("run-details").hidden = run.positions.length === 0;
  const now = `${run.request_id} ${run.ended} ${wrong.length > 0}`;
  if (now !== folded) by("run-details").open = !run.ended || wrong.length > 0;
  folded = now;
}

// What went wrong first. The others keep their places, so that the eye can follow each.
function sorted(positions) {
  return URGENT.flatMap((state) => positions.filter((position) => position[5] === state))
    .concat(positions.filter((position) => !URGENT.includes(position[5])));
}

function tile() {
  return make("li", {},
    make("span", { class: "verdict" }), make("span", { class: "symbol" }), make("span", { class: "word quiet" }));
}

function tileUpdate(row, [symbol, leg, held, filled, side, state, word, why]) {
  const [verdict, name, told] = row.children;
  set(row, "data-state", state);
  mark(verdict, KINDS[state], "");
  say(name, leg ? `${symbol} ${leg}` : symbol);
  const whole = quantity(held.replace(/^-/, ""));
  const amount = state === "left" || !side ? whole : `${side} ${state === "done" ? "" : `${quantity(filled)} of `}${whole}`;
  say(told, [word, amount, why].filter(Boolean).join(" · "));
}

function residual(run) {
  const word = by("residual-word");
  const rows = run.left;
  by("residual").hidden = rows.length === 0;
  if (!run.ended) mark(word, "wait", "known when the run has ended");
  else if (rows.length === 0 && run.verdict === "aborted") mark(word, "warn", "aborted before anybody could say");
  else if (rows.length === 0 && run.waiting_orders === 0) mark(word, "good", "nothing is left open");
  else mark(word, run.good ? "left" : "bad", leftover(run, rows));
  list(by("residual"), rows, (row) => `${row.symbol} ${row.leg}`,
    () => make("li", {}, make("strong"), make("span", { class: "number" }), make("span", { class: "quiet why" })),
    (element, row) => {
      const [name, usd, why] = element.children;
      say(name, row.leg ? `${row.symbol} ${row.leg}` : row.symbol);
      say(usd, `${row.quantity === null ? "unreadable" : quantity(row.quantity)} · ${money(row.usd)}`);
      say(why, row.reason);
    });
}

function leftover(run, rows) {
  const unpriced = run.left_unpriced ? ` and ${count(run.left_unpriced)} of unknown notional` : "";
  const orders = run.waiting_orders ? `, ${plural(run.waiting_orders, "waiting order")}` : "";
  return `${plural(rows.length, "position")} still open, ${money(run.left_usd)}${unpriced}${orders}`;
}
