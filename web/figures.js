// SPDX-License-Identifier: Apache-2.0
// Numbers as people read them.

/** With about three digits; whole numbers as they are. */
export function figures(value) {
  if (!Number.isFinite(value)) {
    return "0";
  }
  if (Number.isInteger(value)) {
    return String(value);
  }
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toFixed(digits);
}

export function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  let rest = value;
  while (rest >= 1024 && unit + 1 < units.length) {
    rest /= 1024;
    ++unit;
  }
  return `${unit === 0 ? rest : figures(rest)} ${units[unit]}`;
}
