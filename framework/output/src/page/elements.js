"use strict";
// The beginning of the script of all pages.
// All elements are made here from text nodes, so that no text of a plugin can become markup.

const data = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);

/// Makes an element with attributes and children; a child that is not an element is text.
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false && child !== ""));
  return element;
}

/// Escapes characters that are invisible or change the direction of text.
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const visible = (text) => text.replace(HIDDEN, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);

/// Returns JSON on several lines. Only white space changes: duplicate keys and long numbers stay.
function pretty(text) {
  try { JSON.parse(text); } catch { return text.replace(/\s+$/, ""); }
  const words = text.match(/"(?:[^"\\]|\\.)*"|[^\s"{}[\]:,]+|[{}[\]:,]/g) ?? [];
  let depth = 0;
  return words.map((word, index) => {
    const line = () => `\n${"  ".repeat(depth)}`;
    const empty = "{[".includes(words[index - 1]) && "}]".includes(word);
    if (word === "{" || word === "[") depth += 1;
    if (word === "}" || word === "]") { depth -= 1; return empty ? word : line() + word; }
    if (word === ",") return word + line();
    if (word === ":") return ": ";
    const opens = (word === "{" || word === "[") && !"}]".includes(words[index + 1]);
    return opens ? word + line() : word;
  }).join("");
}

// Parts of details.

const pairs = (list) => make("dl", {}, list.filter(([, value]) => value !== undefined && value !== null && value !== "").map(([key, value]) => [make("dt", {}, key), make("dd", {}, value)]));
const code = (text) => (text === undefined || text === null ? undefined : make("code", {}, visible(text)));
const block = (text, more = "") => make("pre", { class: more }, visible(text));
const part = (name, text) => [make("span", { class: "label" }, name), text.trim() ? block(text) : make("span", { class: "label" }, " – nothing"), make("div", {})];
