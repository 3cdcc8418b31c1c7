// Open positions by notional, each against its target and its burst cap.

import { by, list, make, mark, say, set, svg } from "./dom.js";
import { count, money, plural, words } from "./format.js";

const FIRST = 25;
const ROOM = 1.15; // a cap that is kept stands a little before the end of its bar
const KINDS = { within_target: "good", within_burst_cap: "open", breach: "bad", not_checked: "wait" };

let newest = null;
let all = false;

export function showHoldings(value) {
  newest = value;
  draw();
}

by("holdings-more").addEventListener("click", () => {
  all = !all;
  draw();
});

function draw() {
  const { rows } = newest;
  say(by("holdings-sum"), summary(newest));
  list(by("holdings-rows"), all ? rows : rows.slice(0, FIRST), ([symbol]) => symbol, createRow, updateRow);
  const more = by("holdings-more");
  more.hidden = rows.length <= FIRST;
  set(more, "aria-expanded", String(all));
  say(more, all ? `Show the first ${FIRST}` : `Show all ${count(rows.length)}`);
  by("holdings").hidden = rows.length === 0;
  by("holdings-key").hidden = rows.length === 0;
}

function summary({ rows, total_usd, unknown, verdicts, checked }) {
  if (rows.length === 0) return "Nothing is open.";
  const parts = [`${plural(rows.length, "symbol")}, ${money(total_usd)} in all`];
  if (unknown) parts.push(`${count(unknown)} of unknown notional`);
  parts.push(checked ? `${plural(verdicts.breach ?? 0, "breach").replace(/breachs$/, "breaches")}` : "P2.9 is not checked");
  return parts.join("; ");
}

function createRow() {
  const cell = (kind) => make("td", { role: "cell", class: kind });
  const bar = svg("svg", { class: "bar", viewBox: "0 0 100 12", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("rect", { class: "track", y: "4", height: "4", width: "100" }),
    svg("rect", { class: "held", y: "2", height: "8" }),
    svg("rect", { class: "over", y: "0", height: "12" }),
    svg("rect", { class: "target", y: "0", height: "12", width: "0.5" }),
    svg("rect", { class: "cap", y: "0", height: "12", width: "1.2" }));
  const symbol = make("th", { role: "rowheader", scope: "row", class: "symbol" },
    make("span"), " ", make("span", { class: "quiet leg" }));
  const wide = cell("wide");
  wide.append(bar);
  const verdict = cell("p29");
  verdict.append(make("span", { class: "verdict" }), make("span", { class: "note quiet" }));
  return make("tr", { role: "row" }, symbol, cell("number usd"), wide, cell("number target"), cell("number cap"), verdict);
}

function updateRow(row, [symbol, side, usd, target, cap, ratio, verdict, shadow, note]) {
  const [name, held, wide, aim, most, p29] = row.children;
  say(name.firstElementChild, symbol);
  say(name.lastElementChild, side);
  say(held, money(usd));
  say(aim, target === null ? "none" : money(target));
  say(most, cap === null ? "none" : money(cap));
  mark(p29.firstElementChild, KINDS[verdict] ?? "warn", words(verdict) + (shadow ? ", shadow" : ""));
  say(p29.lastElementChild, [ratio === null ? "" : `${ratio} × target`, note].filter(Boolean).join("; "));
  drawBar(wide.firstElementChild, Number(usd ?? 0), target, cap);
}

function drawBar(bar, usd, target, cap) {
  const [, held, over, aim, most] = bar.children;
  const scale = 100 / Math.max(usd, Number(cap ?? 0) * ROOM, 0.01);
  const end = cap === null ? usd : Math.min(usd, Number(cap));
  set(held, "width", (end * scale).toFixed(2));
  set(over, "x", (end * scale).toFixed(2));
  set(over, "width", (Math.max(0, usd - end) * scale).toFixed(2));
  place(aim, target, scale);
  place(most, cap, scale);
}

function place(line, amount, scale) {
  set(line, "visibility", amount === null ? "hidden" : "visible");
  if (amount !== null) set(line, "x", Math.min(98.8, Number(amount) * scale).toFixed(2));
}
