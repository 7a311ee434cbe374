// The conversation: turns come one by one and stay, so that a long conversation costs no more than a short one.

// A turn grows after it was put there: it is kept at the top until its reader goes elsewhere.
let following = false;
['wheel', 'touchmove', 'pointerdown', 'keydown'].forEach((kind) => listen(kind, ({target}) => {
  if (target.closest?.('.lg-log') || (narrow() && kind === 'touchmove')) following = false;
}));
const follow = (log) => {
  const turn = log.lastElementChild;
  if (!following || !turn?.matches('.lg-turn')) return;
  if (log.scrollHeight > log.clientHeight) log.scrollTop += turn.getBoundingClientRect().top - log.getBoundingClientRect().top - 8;
  else turn.scrollIntoView({block: narrow() ? 'start' : 'nearest'});
};

const putTurn = (log, number, html) => {
  const turn = parsed(html).firstElementChild, before = find(`.lg-turn[data-at="${number}"]`, log);
  if (before) { before.replaceWith(turn); return; }
  log.append(turn);
  following = true;
};

const showTalk = (message) => {
  const log = find('.lg-log');
  if (!message || !log) return;
  const {whole, since, turns, welcome, said} = message;
  if (whole) log.replaceChildren();
  if (welcome) log.replaceChildren(parsed(welcome));
  else find('.lg-welcome', log)?.remove();
  turns.forEach((html, i) => putTurn(log, since + i, html));
  if (message.kept) rememberTurn(since + turns.length - 1, message.kept);
  findAll('.lg-turn', log).slice(whole ? 0 : -2).forEach((turn) => markJudged(Number(turn.dataset.at)));
  pointOut();
  say(said);
  follow(log);
  // Turns out of view have the height that was guessed until they come near it.
  requestAnimationFrame(() => { follow(log); requestAnimationFrame(() => follow(log)); });
};
