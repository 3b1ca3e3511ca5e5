// CSV (RFC 4180); a text that a spreadsheet would take for a formula gets an apostrophe before it.
export const csv = (rows) => rows.map((row) => row.map(cell).join(",") + "\r\n").join("");

function cell(value) {
  if (value === undefined || value === null) return "";
  const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
