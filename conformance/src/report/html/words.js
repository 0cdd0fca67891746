"use strict";
// Everything that is seen is made here from text nodes, so that no word of a plugin can become markup.

const data = JSON.parse(document.getElementById("data").textContent);
const BY_GRAVITY = ["fail", "broken", "warn", "info", "pass", "skip"];
const at = (id) => document.getElementById(id);

/// An element with attributes and children; a child that is no element is text.
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false && child !== ""));
  return element;
}

const sign = (verdict, more = "") => make("span", { class: `sign ${verdict} ${more}`, "aria-hidden": "true" }, data.signs[verdict]);

/// Our own sentences have code between backticks.
const sentence = (text) => text.split("`").map((part, index) => (index % 2 ? make("code", {}, part) : part));

/// What a plugin printed, with what could not be seen, or would turn the text around, made visible.
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const visible = (text) => text.replace(HIDDEN, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);

/// JSON on several lines. Only the space between its words changes: keys that stand twice and long numbers stay.
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
