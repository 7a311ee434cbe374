// What all parts of the chat use. The parts are put together to the body of one function, in the order of page.py.

// Should the page be put up anew, the listeners of the former one go with it.
window.lgChat?.abort();
const alive = (window.lgChat = new AbortController()).signal;
const listen = (type, handler, target = document) => target.addEventListener(type, handler, {signal: alive});

const find = (selector, within = document) => within.querySelector(selector);
const findAll = (selector, within = document) => [...within.querySelectorAll(selector)];
const make = (tag, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};
// HTML of the server, in which everything of others is escaped; of what a browser kept nothing ever comes here.
const parsed = (html) => {
  const template = document.createElement('template');
  template.innerHTML = html;
  return template.content;
};

let words = {};
const filled = (text, value) => (text ?? '').replace('{}', value);

// For those who hear the page: one line, once.
const say = (text) => { const status = find('#lg-status'); if (status && text) status.textContent = text; };

let noteEnds = 0;
const note = (text) => {
  const line = find('#lg-note');
  if (!line) return;
  line.textContent = text ?? '';
  clearTimeout(noteEnds);
  noteEnds = setTimeout(() => { line.textContent = ''; }, 8000);
};

const narrow = () => window.innerWidth < 768;
const isTyping = (target) => target.closest?.('input:not([type=checkbox]), textarea, select, [contenteditable=true]');
