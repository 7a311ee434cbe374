// The source panel: the chosen citation in view, steps from one to the next, and places that a reader selects.

let panelShown = null, stepped = null;
const panel = () => find('#lg-panel .lg-sources');

const citeShown = () => {
  const {turn, number} = panel()?.dataset ?? {};
  const answer = turn && `#lg-conversation .lg-turn[data-at="${turn}"] [data-number]`;
  // Of nearest passages the answer names the first alone.
  return answer && (find(`${answer}[data-number="${number}"]`) ?? find(answer));
};
const pointOut = () => {
  findAll('#lg-conversation .lg-cite[aria-current]').forEach((cite) => cite.removeAttribute('aria-current'));
  const {turn, number} = panel()?.dataset ?? {};
  if (turn) findAll(`#lg-conversation .lg-cite[data-turn="${turn}"][data-number="${number}"]`)
    .forEach((cite) => cite.setAttribute('aria-current', 'true'));
};

const showPanel = (message) => {
  if (!message || !panel() || (message.html === panelShown && !message.jump)) return;
  panelShown = message.html;
  panel().replaceWith(parsed(message.html));
  pointOut();
  showChosen(message.jump);
};

const showChosen = (jump) => {
  const chosen = find('.lg-chosen', panel()), text = find('.lg-text', panel());
  if (!chosen || !text) return;
  const spare = Math.max(text.clientHeight - chosen.offsetHeight, 0);
  text.scrollTop = chosen.offsetTop - Math.min(spare / 2, text.clientHeight / 3);
  if (!jump) return;
  const again = stepped && find(`[data-step="${stepped}"][data-number]`, panel());
  if (stepped) say(`${find('.lg-steps span', panel())?.textContent} ${find('h3', panel())?.textContent}`);
  stepped = null;
  (again || chosen).focus({preventScroll: true});
  panel().scrollIntoView({block: narrow() ? 'start' : 'nearest'});
};

// To the citation before or after the one that is shown; focus stays where steps are taken.
const step = (direction, keepFocus) => {
  const button = find(`[data-step="${direction}"][data-number]`, panel());
  if (!button) return;
  stepped = keepFocus ? direction : null;
  trigger('choose', {turn: button.dataset.turn, number: button.dataset.number});
};

const backToAnswer = () => {
  const cite = citeShown();
  if (!cite) return;
  cite.scrollIntoView({block: 'center'});
  cite.focus();
};

// Documents count in code points; what the page says itself between their words is left out.
const plain = (range) => {
  const copy = range.cloneContents();
  findAll('.lg-cut', copy).forEach((cut) => cut.remove());
  return copy.textContent;
};
const placeOf = (range) => {
  const text = find('.lg-text[data-document]', panel());
  const inside = text && range && text.contains(range.startContainer) && text.contains(range.endContainer);
  if (!inside) return null;
  const before = document.createRange(), quote = plain(range);
  before.selectNodeContents(text);
  before.setEnd(range.startContainer, range.startOffset);
  if (!quote.trim()) return null;
  const start = Number(text.dataset.start) + [...plain(before)].length;
  return {document_id: text.dataset.document, start_char: start, end_char: start + [...quote].length, quote};
};
let selected = null;
const noteSelection = () => {
  const selection = document.getSelection();
  const range = selection && selection.rangeCount && !selection.isCollapsed ? selection.getRangeAt(0) : null;
  selected = placeOf(range);
};
// Without a selection, which a keyboard cannot make, it is the passage that is marked.
const placeTaken = () => {
  if (selected) return selected;
  const chosen = find('.lg-chosen', panel()), range = document.createRange();
  if (!chosen) return null;
  range.selectNodeContents(chosen);
  return placeOf(range);
};
