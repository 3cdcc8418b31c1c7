// Numbers and times as people read them.

const DOLLARS = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" });
const WHOLE = new Intl.NumberFormat("en-US");

// Dollars out of decimal text; "unknown" where nobody knows.
export const money = (text) => (text === null || text === "" ? "unknown" : DOLLARS.format(Number(text)));

export const count = (number) => WHOLE.format(number);

export const plural = (number, word) => `${count(number)} ${word}${number === 1 ? "" : "s"}`;

// A quantity without the zeros at its end.
export const quantity = (text) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);

export function age(ms) {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
}

export const clock = (ms) => new Date(ms).toISOString().slice(11, 23);

export const moment = (ms) => `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")} UTC`;

export const words = (name) => name.replaceAll("_", " ");
